//! Budgets proposed from the past: one for each tenant, as a file that `budget check` reads.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::calendar::{Calendar, PeriodKind};
use super::define::{Basis, Budget, Scope, Unit};
use super::spend::{Amounts, Spend, is_within};
use crate::model::Interval;
use crate::units::{MS_PER_HOUR, Millis, gpu_hours};

/// What proposals go by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Periods of the budgets.
    pub calendar: Calendar,
    /// Added to what was spent, as a share of it.
    pub headroom: f64,
    /// Currency of the amounts.
    pub currency: &'a str,
    /// As of when.
    pub as_of: Millis,
    /// Share of a period that has to be known for it to count as a whole.
    pub min_known: f64,
}

/// A budget that would have been kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Tenant.
    pub tenant: String,
    /// Amount of a period; GPU-hours where nothing has a price.
    pub amount: f64,
    /// Whether the amount is GPU-hours, because time has no price.
    pub in_gpu_hours: bool,
    /// What it rests on.
    pub basis: String,
}

/// A budget for each tenant, from the series of the whole fleet (the first of `spend`). A tenant that spent nothing
/// gets none.
#[must_use]
pub fn propose(spend: &Spend<'_>, terms: &Terms<'_>) -> Vec<Proposal> {
    let mut tenants: BTreeMap<&str, Vec<Amounts>> = BTreeMap::new();
    for (key, buckets) in &spend.series[0].workloads {
        let sums = tenants
            .entry(&key.tenant)
            .or_insert_with(|| vec![Amounts::default(); spend.grid.len()]);
        for (bucket, amounts) in buckets {
            sums[*bucket].add(amounts);
        }
    }
    let one = |(tenant, sums): (&str, Vec<Amounts>)| proposal(spend, &sums, tenant, terms);
    tenants.into_iter().filter_map(one).collect()
}

fn proposal(
    spend: &Spend<'_>,
    buckets: &[Amounts],
    tenant: &str,
    terms: &Terms<'_>,
) -> Option<Proposal> {
    let window = Interval::new(spend.grid.bucket(0).start, terms.as_of);
    let in_gpu_hours = buckets.iter().any(|amounts| amounts.unpriced_gpu_hours > 0.0);
    let unit = if in_gpu_hours { Unit::GpuHours } else { Unit::Money };
    let spent = |time: Interval| -> f64 {
        let inside = spend.grid.buckets().zip(buckets).filter(|(b, _)| is_within(*b, time));
        inside.map(|(_, amounts)| amounts.spent(unit)).sum()
    };
    let mut whole = Vec::new();
    let current = terms.calendar.containing(terms.as_of - 1)?;
    let is_over = current.end <= terms.as_of;
    let mut period = if is_over { Some(current) } else { terms.calendar.before(&current) };
    while let Some(one) = period.filter(|p| p.start >= window.start) {
        let time = Interval::new(one.start, one.end);
        if spend.known_ratio(0, time) >= terms.min_known {
            whole.push(spent(time));
        }
        period = terms.calendar.before(&one);
    }
    let (most, basis) = match whole.iter().copied().reduce(f64::max) {
        Some(most) if most > 0.0 => {
            let kind = terms.calendar.kind.name();
            (most, format!("the most that it spent in a {kind} (whole ones read: {})", whole.len()))
        }
        _ => {
            let from = spend.first_cut_from(spend.known_from(0)?.max(window.start));
            let known = Interval::new(from, terms.as_of);
            if known.length_ms() < MS_PER_HOUR {
                return None;
            }
            let hours = gpu_hours(known.length_ms());
            let per_period = spent(known) / hours * gpu_hours(current.length_ms());
            (per_period, format!("its rate over the {hours:.1} hours that are known"))
        }
    };
    (most > 0.0).then(|| Proposal {
        tenant: tenant.to_owned(),
        amount: rounded_up(most * (1.0 + terms.headroom)),
        in_gpu_hours,
        basis,
    })
}

/// Up to two digits that count: 1,234 becomes 1,300.
fn rounded_up(amount: f64) -> f64 {
    let unit = 10_f64.powf(amount.log10().floor() - 1.0);
    (amount / unit).ceil() * unit
}

/// The proposals as a file of budgets.
#[must_use]
pub fn to_yaml(proposals: &[Proposal], terms: &Terms<'_>) -> String {
    let mut text = format!(
        "# Proposed by `gpu-finops budget init`: what was spent, and {:.0} % more. Change what does not suit.\n\
         # Check it with `gpu-finops budget check --budgets FILE`; the fields are in docs/budgets.md.\n\
         budgets:\n",
        terms.headroom * 100.0
    );
    for proposal in proposals {
        // A JSON string is a YAML string, whatever is in it.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let pattern = regex::escape(&proposal.tenant);
        let amount = proposal.amount;
        let of = match proposal.in_gpu_hours {
            true => format!("    gpu_hours: {amount}\n"),
            false => format!("    amount: {amount}\n    currency: {}\n", terms.currency),
        };
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "  # {}\n  - name: {}\n    scope: {{tenants: [{}]}}\n{of}    period: {}\n    timezone: {}\n    rules:\n      \
             - {{on: forecast, threshold: 100%, action: warn}}\n      - {{on: actual, threshold: 100%, action: fail}}\n",
            proposal.basis,
            quoted(&proposal.tenant),
            quoted(&pattern),
            terms.calendar.kind.name(),
            terms.calendar.zone.name(),
        );
    }
    text
}

/// The budget whose series proposals are made from: everything that is held.
#[must_use]
pub fn everything(calendar: Calendar) -> Budget {
    Budget {
        name: "everything".to_owned(),
        parent: None,
        scope: Scope::Fleet,
        scope_text: "the whole fleet".to_owned(),
        basis: Basis::Held,
        unit: Unit::GpuHours,
        amount: 1.0,
        calendar,
        rules: Vec::new(),
        start: None,
        carry_over: None,
        owners: Vec::new(),
        exceptions: Vec::new(),
        may_be_empty: true,
        file: String::new(),
        line: None,
    }
}

/// Kinds of period by name.
#[must_use]
pub fn kind_named(name: &str) -> Option<PeriodKind> {
    PeriodKind::ALL.into_iter().find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up_to_two_digits() {
        for (amount, expected) in
            [(1_234.0, 1_300.0), (1_300.0, 1_300.0), (99.5, 100.0), (0.0123, 0.013)]
        {
            assert!(
                (rounded_up(amount) - expected).abs() < 1e-9,
                "{amount}: {}",
                rounded_up(amount)
            );
        }
    }
}
