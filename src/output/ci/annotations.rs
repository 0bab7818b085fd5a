//! Annotations of a GitHub workflow: `::error file=…,line=…,title=…::message`, one to a line.

use super::super::text::visible;
use crate::ci::{Outcome, Verdict};

/// Every item as a workflow command, and the headline as a notice.
pub(super) fn github(verdict: &Verdict) -> String {
    let mut text = String::new();
    for item in &verdict.items {
        let mut properties = Vec::new();
        if let Some(file) = &item.file {
            properties.push(format!("file={}", property(file)));
            properties.extend(item.line.map(|line| format!("line={line}")));
        }
        properties
            .push(format!("title={}", property(&format!("{}: {}", verdict.check, item.rule))));
        let said = message(&format!("{} {}", item.message, item.advice));
        text.extend([format!("::{} {}::{said}\n", item.severity.name(), properties.join(","))]);
    }
    // What could not be evaluated has no item of its own severity.
    let level = match verdict.outcome {
        Outcome::Fail if verdict.items.iter().all(|i| i.severity != crate::ci::Severity::Error) => {
            "error"
        }
        _ => "notice",
    };
    let title = property(verdict.check);
    text.extend([format!("::{level} title={title}::{}\n", message(&verdict.headline))]);
    text
}

/// A message as workflow commands escape it. Line breaks and other controls are shown: nothing of it may start a
/// command of its own.
fn message(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// A property's value, in which commas and colons are escaped, too.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
