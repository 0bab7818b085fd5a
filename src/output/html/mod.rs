//! The report as one page for a browser: no script, no network, charts inside.
//!
//! Words and figures are those of the terminal's document, laid out once more; charts have their figures as tables
//! beside them. Texts of the cluster are escaped by [`text::escaped`] and by nothing else.

mod blocks;
mod chart;
mod heat;
mod idle;
mod tenants;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Write as _;

use base64::Engine as _;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::RenderOptions;
use super::document::{self, Block};
use crate::calendar::OverTime;
use crate::report::contract::Report;
use text::escaped;

/// The one style sheet; the page's policy allows this text and no other.
const STYLE: &str = include_str!("style.css");

/// What a page shows besides the report.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The fleet over time.
    pub over_time: &'a OverTime,
    /// Zone of hours and weekdays.
    pub timezone: Tz,
}

/// The whole page.
#[must_use]
pub fn render_page(report: &Report, page: Page<'_>, options: &RenderOptions) -> String {
    // Nothing is cut for want of width.
    let options = RenderOptions { wide: true, ..*options };
    let blocks = document::build(report, &options);
    let is_heading = |block: &Block| matches!(block, Block::Heading(_));
    let split = blocks.iter().position(is_heading).unwrap_or(blocks.len());
    let (opening, rest) = blocks.split_at(split);
    let mut out = head(report);
    out.push_str(
        "<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<main id=\"main\">\n",
    );
    blocks::write(&mut out, opening);
    if report.fleet.gpus > 0 {
        chart::section(&mut out, report, page.over_time);
        heat::section(&mut out, page);
        tenants::section(&mut out, report, options.top);
        idle::section(&mut out, report, options.top);
    }
    blocks::write(&mut out, rest);
    let _ = writeln!(
        out,
        "</main>\n<footer>Made by gpu-finops {} of data read at {}.</footer>\n</body>\n</html>",
        escaped(&report.tool_version),
        escaped(&report.generated_at)
    );
    out
}

fn head(report: &Report) -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>GPU ledger, {} to {}</title>\n<style>{STYLE}</style>\n</head>\n",
        escaped(&report.window.start),
        escaped(&report.window.end),
    )
}
