//! Whether a report may stand: what decides between exit codes 0 and 4.

use crate::error::{Error, Result};
use crate::output::Format;
use crate::report::contract::{Coverage, Reconciliation, Report};
use crate::ui::Ui;

/// Warnings quoted in a message; the rest is counted.
const QUOTED: usize = 3;

/// Judges a report that is already written.
///
/// # Errors
///
/// [`crate::error::ErrorKind::Incomplete`] when the ledger does not balance, or, under `strict`,
/// when anything that the figures need is missing.
pub fn verdict(report: &Report, strict: bool) -> Result<()> {
    judge(&report.reconciliation, &report.coverage, &report.currency, strict)
}

/// The same of anything that was written and rests on a ledger.
///
/// # Errors
///
/// As [`verdict`].
pub fn judge(
    sums: &Reconciliation,
    coverage: &Coverage,
    currency: &str,
    strict: bool,
) -> Result<()> {
    if !sums.balanced {
        return Err(Error::incomplete(imbalance(sums, currency))
            .hinted("this is a bug in gpu-finops: the figures above must not be used")
            .hinted("please report it with `gpu-finops snapshot save DIR --redact`"));
    }
    if strict && !coverage.complete {
        return Err(Error::incomplete(format!("the data is incomplete: {}", missing(coverage)))
            .hinted("the report is written; without `--strict` it would stand as it is"));
    }
    Ok(())
}

/// Says that data is missing, where the format itself has no place for it.
pub fn announce(coverage: &Coverage, format: Format, ui: &Ui) {
    let has_coverage = !matches!(format, Format::Csv | Format::Parquet);
    if !coverage.complete && !has_coverage {
        ui.warn(&format!("the data is incomplete: {}", missing(coverage)));
    }
}

/// Says all that is missing, where what is printed has no coverage at all.
pub fn announce_all(coverage: &Coverage, ui: &Ui) {
    let missing = coverage.warnings.iter().filter(|warning| warning.incomplete);
    missing.for_each(|warning| ui.warn(&format!("the data is incomplete: {}", warning.message)));
    let lacking = coverage.sources.iter();
    let lacking = lacking.filter(|source| matches!(source.status.as_str(), "failed" | "partial"));
    lacking.for_each(|source| ui.warn(&format!("{}: {}", source.name, source.detail)));
}

fn imbalance(sums: &Reconciliation, currency: &str) -> String {
    let failed: Vec<&str> =
        sums.checks.iter().filter(|c| !c.balanced).map(|c| c.name.as_str()).collect();
    format!(
        "the ledger does not balance: {} GPU-hours of capacity, {} accounted for, residue {} \
         GPU-hours and {} {} ({})",
        sums.capacity_gpu_hours,
        sums.accounted_gpu_hours,
        sums.residue_gpu_hours,
        sums.residue_cost,
        currency,
        failed.join("; ")
    )
}

fn missing(coverage: &Coverage) -> String {
    let warnings = &coverage.warnings;
    if warnings.is_empty() {
        return "see `coverage` of the report".to_owned();
    }
    let quoted: Vec<&str> = warnings.iter().take(QUOTED).map(|w| w.message.as_str()).collect();
    let more = warnings.len().saturating_sub(QUOTED);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{rest}", quoted.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;
    use crate::report::contract::{
        BalanceCheck, FleetRow, ScopeRow, ScopeTotals, Warning, WindowRow,
    };

    fn report(balanced: bool, warnings: usize) -> Report {
        let warning = |i: usize| Warning {
            code: format!("w{i}"),
            message: format!("warning {i}"),
            incomplete: true,
        };
        let window = WindowRow { start: String::new(), end: String::new(), hours: 1.0 };
        Report {
            schema_version: String::new(),
            generated_at: String::new(),
            tool_version: String::new(),
            currency: "USD".to_owned(),
            window,
            scope: ScopeRow::default(),
            fleet: FleetRow::default(),
            in_scope: ScopeTotals::default(),
            clusters: vec![],
            tenants: vec![],
            namespaces: vec![],
            workloads: vec![],
            pods: vec![],
            gpus: vec![],
            nodes: vec![],
            models: vec![],
            modes: vec![],
            findings: vec![],
            coverage: Coverage {
                warnings: (1..=warnings).map(warning).collect(),
                complete: warnings == 0,
                ..Coverage::default()
            },
            reconciliation: Reconciliation {
                capacity_gpu_hours: 10.0,
                accounted_gpu_hours: 9.5,
                residue_gpu_hours: 0.5,
                residue_cost: 1.25,
                checks: vec![BalanceCheck {
                    name: "fleet".into(),
                    left: 10.0,
                    right: 9.5,
                    balanced,
                }],
                balanced,
            },
            assumptions: vec![],
        }
    }

    #[test]
    fn a_whole_report_stands() {
        assert!(verdict(&report(true, 0), true).is_ok());
        assert!(verdict(&report(true, 2), false).is_ok());
    }

    #[test]
    fn strict_fails_on_what_is_missing_and_says_what() {
        let error = verdict(&report(true, 5), true).expect_err("incomplete");
        assert_eq!(error.exit_code(), exit_code::INCOMPLETE);
        assert_eq!(
            error.to_string(),
            "the data is incomplete: warning 1; warning 2; warning 3; and 2 more"
        );
    }

    #[test]
    fn an_imbalance_fails_without_strict_and_shows_both_sides() {
        let error = verdict(&report(false, 0), false).expect_err("out of balance");
        assert_eq!(error.exit_code(), exit_code::INCOMPLETE);
        assert_eq!(
            error.to_string(),
            "the ledger does not balance: 10 GPU-hours of capacity, 9.5 accounted for, residue \
             0.5 GPU-hours and 1.25 USD (fleet)"
        );
    }
}
