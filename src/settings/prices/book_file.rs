//! A price book in a file of its own: rules in the form of the config file's `prices.rules`.

use std::io::Read as _;
use std::path::Path;

use super::rule::from_section;
use crate::error::{Error, Result};
use crate::model::policy::{PriceOrigin, PriceRule};
use crate::settings::config;
use crate::settings::config::sections::PriceBookFile;
use crate::settings::parse;

/// Largest file that is read: a rule for each of 100,000 nodes takes some 20 MB.
const MAX_BYTES: u64 = 32 << 20;

/// The rules of a file, in its order, for a report in this currency.
///
/// # Errors
///
/// A usage error that names the file, the rule and the key, and shows the value: a file that cannot be read or
/// is no price book, another currency, a rule that cannot be.
pub(super) fn read(path: &Path, currency: &str) -> Result<Vec<PriceRule>> {
    parse(&path.display().to_string(), &text(path, "price book")?, currency)
}

/// The text of a file of prices; `what` is it called in messages.
///
/// # Errors
///
/// A usage error that names the file.
pub(super) fn text(path: &Path, what: &str) -> Result<String> {
    let refuse = |why: String| Error::usage(format!("{what} {}: {why}", path.display()));
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    match read {
        Err(e) => Err(refuse(format!("cannot be read: {e}"))),
        Ok(n) if n as u64 > MAX_BYTES => {
            Err(refuse(format!("is larger than {} MiB", MAX_BYTES >> 20)))
        }
        Ok(_) => Ok(text),
    }
}

/// The rules of a file with this name and text.
pub(super) fn parse(name: &str, text: &str, currency: &str) -> Result<Vec<PriceRule>> {
    let book: PriceBookFile = serde_saphyr::from_str(text).map_err(|e| {
        Error::usage(format!("price book {name}: {}", config::explain(&e)))
            .hinted("it has `rules:`, a list in the form of `prices.rules` of the config file, and may have `currency:`")
    })?;
    same_currency(&format!("price book {name}"), book.currency.as_deref(), currency)?;
    if book.rules.is_empty() {
        return Err(Error::usage(format!("price book {name}: has no rules")));
    }
    let rule = |(i, section): (usize, &config::sections::PriceSection)| {
        let place = format!("price book {name}, rule {}", i + 1);
        let source = match &section.source {
            Some(source) => format!("{source} ({place})"),
            None => place.clone(),
        };
        from_section(section, source, PriceOrigin::File)
            .map_err(|(key, what)| Error::usage(format!("{place}: `{key}`: {what}")))
    };
    book.rules.iter().enumerate().map(rule).collect()
}

/// Whether what a file says of its currency is that of the report.
///
/// # Errors
///
/// A usage error that names the file and both currencies.
pub(super) fn same_currency(what: &str, theirs: Option<&str>, ours: &str) -> Result<()> {
    let Some(theirs) = theirs else { return Ok(()) };
    let code =
        parse::currency(theirs).map_err(|e| Error::usage(format!("{what}: `currency`: {e}")))?;
    if code == ours {
        return Ok(());
    }
    Err(Error::usage(format!("{what} is in {code}, and the report in {ours}")).hinted(format!(
        "say `--currency {code}`, or give the prices in {ours}; nothing is converted"
    )))
}
