//! JUnit XML: a test case for each rule that found nothing, and for each item that was found.
//!
//! There are several schemas of it; this keeps to that of Jenkins' xUnit plugin, which allows a test case neither file
//! nor line: they are in its text.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::OutputError;
use super::super::text::visible;
use crate::ci::{Item, Outcome, Severity, Verdict};

pub(super) fn render(verdict: &Verdict) -> Result<Vec<u8>, OutputError> {
    let mut suite = TestSuite::new(verdict.check);
    for rule in &verdict.rules {
        let found: Vec<&Item> = verdict.items.iter().filter(|i| i.rule == rule.name).collect();
        if !found.iter().any(|item| item.severity == Severity::Error) {
            let mut case = TestCase::new(visible(&rule.name), TestCaseStatus::success());
            case.set_classname(class(verdict.check, &rule.name));
            // What is only warned of does not fail, and can be read.
            if !found.is_empty() {
                let lines: Vec<String> = found.iter().map(|item| text(item)).collect();
                case.set_system_out(lines.join("\n"));
            }
            suite.add_test_case(case);
        }
    }
    for item in verdict.items.iter().filter(|item| item.severity == Severity::Error) {
        suite.add_test_case(failed(verdict.check, item));
    }
    let has_error = verdict.items.iter().any(|item| item.severity == Severity::Error);
    if verdict.outcome == Outcome::Fail && !has_error {
        suite.add_test_case(not_evaluated(verdict));
    }
    suite.set_system_out(visible(&verdict.headline));
    let mut report = Report::new(verdict.check);
    report.add_test_suite(suite);
    // The schema has no such attribute of the whole, and nothing is ever skipped.
    Ok(report.to_string()?.replacen(" skipped=\"0\"", "", 1).into_bytes())
}

fn failed(check: &str, item: &Item) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(visible(&item.message));
    status.set_type(item.rule.clone());
    status.set_description(text(item));
    let name = match item.subject.as_str() {
        "" => item.rule.clone(),
        subject => format!("{}: {}", item.rule, visible(subject)),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class(check, &item.rule));
    case
}

/// An error is what a check could not do, where a failure is what it found.
fn not_evaluated(verdict: &Verdict) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message("not everything could be evaluated");
    status.set_description(visible(&verdict.headline));
    let mut case = TestCase::new("evaluation", status);
    case.set_classname(class(verdict.check, "evaluation"));
    case
}

fn class(check: &str, rule: &str) -> String {
    format!("{}.{rule}", check.replace(' ', "."))
}

fn text(item: &Item) -> String {
    let place = match (&item.file, item.line) {
        (Some(file), Some(line)) => format!("{}:{line}: ", visible(file)),
        (Some(file), None) => format!("{}: ", visible(file)),
        (None, _) => String::new(),
    };
    format!("{place}{} {}", visible(&item.message), visible(&item.advice))
}
