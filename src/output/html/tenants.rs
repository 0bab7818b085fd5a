//! What each tenant held, as bars in a table.

use std::fmt::Write as _;

use svg::Document;
use svg::node::element::Rectangle;

use super::chart::legend;
use super::text::escaped;
use crate::calendar::STATES;
use crate::output::format::{hours, money_alone, percent};
use crate::report::contract::{Ledger, Report};

/// States that somebody holds: the first ones.
const HELD: usize = 6;

const WIDTH: f64 = 200.0;

/// The section.
pub(super) fn section(out: &mut String, report: &Report, top: usize) {
    if report.tenants.is_empty() {
        return;
    }
    let shown = if top == 0 { report.tenants.len() } else { top };
    let most = report.tenants.iter().map(|t| held(&t.ledger).iter().sum()).fold(0.0, f64::max);
    out.push_str(
        "<h2 id=\"tenants-held\">What tenants held</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" \
         aria-labelledby=\"tenants-held\">\n<table>\n<caption>GPU time by state, most waste first</caption>\n\
         <thead><tr><th scope=\"col\">tenant</th><th scope=\"col\">by state</th>\
         <th scope=\"col\" class=\"right\">GPU-h</th><th scope=\"col\" class=\"right\">utilization</th>\
         <th scope=\"col\" class=\"right\">cost</th><th scope=\"col\" class=\"right\">waste</th></tr></thead>\n<tbody>\n",
    );
    for tenant in report.tenants.iter().take(shown) {
        let ledger = &tenant.ledger;
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"bar\">{}</td><td class=\"right\">{}</td>\
             <td class=\"right\">{}</td><td class=\"right\">{}</td><td class=\"right\">{}</td></tr>",
            escaped(&tenant.tenant),
            bar(ledger, most),
            hours(Some(ledger.allocated_gpu_hours + ledger.stale_claim_gpu_hours), 1),
            percent(ledger.utilization),
            escaped(&money_alone(tenant.cost, &report.currency)),
            escaped(&money_alone(ledger.waste_cost, &report.currency)),
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    let hidden = report.tenants.len().saturating_sub(shown);
    if hidden > 0 {
        let _ = writeln!(out, "<p class=\"muted\">… {hidden} more</p>");
    }
    let any = |i: &usize| report.tenants.iter().any(|t| held(&t.ledger)[*i] > 0.0);
    legend(out, &(0..HELD).filter(any).collect::<Vec<_>>());
}

const fn held(ledger: &Ledger) -> [f64; HELD] {
    [
        ledger.busy_gpu_hours,
        ledger.slack_gpu_hours,
        ledger.idle_warm_gpu_hours,
        ledger.idle_empty_gpu_hours,
        ledger.unobserved_gpu_hours,
        ledger.stale_claim_gpu_hours,
    ]
}

fn bar(ledger: &Ledger, most: f64) -> Document {
    let held = held(ledger);
    let mut document = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, 16.0))
        .set("preserveAspectRatio", "none")
        .set("role", "img")
        .set("aria-label", words(&held));
    let mut x = 0.0;
    for (hours, state) in held.iter().zip(STATES) {
        let width = if most > 0.0 { hours / most * WIDTH } else { 0.0 };
        if width > 0.0 {
            document = document.add(
                Rectangle::new()
                    .set("class", format!("part {state}"))
                    .set("x", (x * 100.0_f64).round() / 100.0)
                    .set("width", (width * 100.0).round() / 100.0)
                    .set("height", 16),
            );
        }
        x += width;
    }
    document
}

/// The shares of a bar for who cannot see it.
fn words(held: &[f64; HELD]) -> String {
    let sum: f64 = held.iter().sum();
    let share = |(hours, state): (&f64, &str)| {
        (*hours > 0.0)
            .then(|| format!("{} {}", state.replace('_', " "), percent(Some(hours / sum))))
    };
    held.iter().zip(STATES).filter_map(share).collect::<Vec<_>>().join(", ")
}
