//! Utilization by weekday and hour, as a table whose cells have colours.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Timelike};

use super::Page;
use super::text::escaped;
use crate::calendar::Piece;
use crate::units::{MS_PER_HOUR, Millis};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Utilization from which on a cell has the next colour.
const LEVELS: [f64; 4] = [0.1, 0.3, 0.5, 0.75];

/// The section; without hours it says so.
pub(super) fn section(out: &mut String, page: Page<'_>) {
    out.push_str("<h2 id=\"heat\">Utilization by weekday and hour</h2>\n");
    if page.over_time.step_ms > MS_PER_HOUR {
        out.push_str(
            "<p class=\"muted\">Not known: roll-ups have no hours. A report on the metric server, a store of \
             `collect` or a snapshot has them.</p>\n",
        );
        return;
    }
    let week = week(page);
    let _ = writeln!(
        out,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"heat\">\n<table class=\"heat\">\n\
         <caption>Mean utilization of the whole fleet while held and observed, in percent; hours of {}. ? is not \
         known: nothing was held, or nothing observed.</caption>\n<thead><tr><th scope=\"col\">Day</th>",
        escaped(page.timezone.name())
    );
    for hour in 0..24 {
        let _ = write!(out, "<th scope=\"col\">{hour}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (day, hours) in DAYS.iter().zip(&week) {
        let _ = write!(out, "<tr><th scope=\"row\">{day}</th>");
        for piece in hours {
            let _ = match piece.utilization() {
                None => write!(out, "<td class=\"unknown\">?</td>"),
                Some(u) => write!(out, "<td class=\"heat{}\">{:.0}</td>", level(u), u * 100.0),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn level(utilization: f64) -> usize {
    LEVELS.iter().filter(|from| utilization >= **from).count()
}

/// Pieces added up by weekday and hour of the page's zone.
fn week(page: Page<'_>) -> [[Piece; 24]; 7] {
    let mut out = [[Piece::default(); 24]; 7];
    for (start, piece) in page.over_time.pieces() {
        if let Some((day, hour)) = local(start, page) {
            out[day][hour].add_all(piece);
        }
    }
    out
}

fn local(at: Millis, page: Page<'_>) -> Option<(usize, usize)> {
    let local = DateTime::from_timestamp_millis(at)?.with_timezone(&page.timezone);
    let day = usize::try_from(local.weekday().num_days_from_monday()).ok()?;
    Some((day, usize::try_from(local.hour()).ok()?))
}
