//! `gpu-finops reconcile`.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use super::deliver::{Rendered, Target};
use super::watch::Watch;
use super::{checked, render, report, resolve, verdict as judged};
use crate::ci::{Outcome, Severity};
use crate::error::{Error, Result};
use crate::gate::Increase;
use crate::model::bill::CostColumn;
use crate::output::Format;
use crate::reconcile::contract::ReconcileReport;
use crate::reconcile::{
    Context, Desk, Ledger, Unmatched, WrongCurrency, build, price_book, verdict,
};
use crate::report::accounts::Accounts;
use crate::report::contract::Report;
use crate::settings::args::ReconcileFlags;
use crate::settings::gate::increase;
use crate::settings::layers::Environment;
use crate::settings::{Settings, View};
use crate::source::bill::{self, BillFile};
use crate::ui::Ui;
use crate::units::MS_PER_HOUR;

const EXAMPLES: &str = "\
Examples:
  gpu-finops reconcile --bill focus.csv --window lastmonth
  gpu-finops reconcile --bill november.csv --store ./rollups --window 2026-11-01,2026-12-01 --max-difference 1%
  gpu-finops reconcile --bill focus.csv --window lastmonth --write-prices paid.yaml
  gpu-finops report --price-book paid.yaml --window lastmonth
      What was paid as the prices of the next report, which then closes with the bill.
  gunzip -c focus.csv.gz | gpu-finops reconcile --bill - --window lastweek -o json

Exit codes:
  0 all is well · 1 a source or a bill cannot be read, or nothing on the bill could be compared
  2 wrong usage or configuration, another currency · 3 they differ by more than --max-difference
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Hold the ledger against a provider's bill: matched, on one side alone, and why the rest differs.
///
/// Reads what `report` reads, and billing rows in the form of FOCUS 1.0 to 1.3. Machines are matched by the provider's id.
/// Each difference is split into hours, price and other charges; the parts add up to it. Taxes, credits, purchases and
/// everything that is not of GPU machines is summed apart.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Billing rows in the form of FOCUS, CSV or Parquet; `-` is standard input; repeatable
    #[arg(long, value_name = "FILE", required = true, help_heading = "Bill")]
    pub bill: Vec<PathBuf>,
    /// Cost of the bill that counts: effective spreads commitments over what they cover
    #[arg(long, value_name = "COLUMN", default_value = "effective", help_heading = "Bill",
        value_parser = PossibleValuesParser::new(["effective", "billed", "contracted", "list"]))]
    pub bill_cost: String,
    /// Most that ledger and bill may differ by: money such as 500, or 1% of the bill. Machines on one side alone count in
    /// full, whatever the rest
    #[arg(long, value_name = "AMOUNT|PERCENT", value_parser = increase, help_heading = "Bill")]
    pub max_difference: Option<Increase>,
    /// Write what was paid for an hour of each node's GPUs, and of each instance type, for --price-book
    #[arg(long, value_name = "FILE", help_heading = "Bill")]
    pub write_prices: Option<PathBuf>,
    /// Settings on the command line.
    #[command(flatten)]
    pub flags: ReconcileFlags,
}

/// Reads the ledger and the bill, compares, writes, judges.
///
/// # Errors
///
/// Wrong settings; a source or a bill that cannot be read; another currency; nothing that could be compared; a difference
/// that is too large.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let cost = CostColumn::NAMES.iter().find(|(name, _)| *name == args.bill_cost);
    let cost = cost.map_or_else(CostColumn::default, |(_, cost)| *cost);
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let target = Target::of_check(&settings.view)?;
    let prices =
        args.write_prices.as_deref().map(|path| file_target(path, &settings)).transpose()?;
    // A bill that is none is told before the ledger is made, which takes longer.
    let open = |path: &PathBuf| BillFile::open(path, cost).map_err(|e| unreadable(&e));
    let bills: Vec<BillFile> = args.bill.iter().map(open).collect::<Result<_>>()?;
    let mut ledger = Ledger::default();
    let mut look = |accounts: &Accounts, slices: &[_], step| ledger.add(accounts, slices, step);
    let watch = Watch { step_ms: MS_PER_HOUR, look: &mut look };
    let report = report::answer(&settings, ui, Some(watch)).await?;
    let mut found = reconcile(&ledger, bills, &report, cost)?;
    let said = verdict(&mut found, args.max_difference);
    let rendered = render::reconciliation(&found, &said, &settings.view, ui)?;
    checked::write(&target, rendered, &said, &settings, ui)?;
    if let (Some(target), Some(path)) = (prices, &args.write_prices) {
        write_prices(&target, path, &found, ui)?;
    }
    judged::announce(&report.coverage, settings.view.format, ui);
    judge(&found, said.outcome, &settings, ui)?;
    judged::verdict(&report, settings.strict)?;
    checked::complete(found.complete, &settings, ui)
}

fn reconcile(
    ledger: &Ledger,
    bills: Vec<BillFile>,
    report: &Report,
    cost: CostColumn,
) -> Result<ReconcileReport> {
    let mut desk = Desk::new(ledger, &report.currency);
    for file in bills {
        desk.begin(file.name());
        file.rows(|row| desk.take(&row).map_err(Refused::Currency)).map_err(refused)?;
    }
    let context = Context {
        tool_version: env!("CARGO_PKG_VERSION"),
        generated_at: &report.generated_at,
        cost,
        complete: report.coverage.complete,
    };
    build(&desk, &context).map_err(|reason| {
        let hint = match &reason {
            Unmatched::EmptyLedger => "`gpu-finops doctor` tells what is missing",
            Unmatched::EmptyBill => "ChargeCategory has to be `Usage` in some rows",
            Unmatched::OtherTime { .. } => {
                "choose a window of whole days that the bill has, such as `--window lastmonth`"
            }
        };
        Error::failed("the ledger and the bill cannot be compared").caused_by(reason).hinted(hint)
    })
}

/// Why reading a bill ended.
enum Refused {
    Bill(bill::Error),
    Currency(WrongCurrency),
}

impl From<bill::Error> for Refused {
    fn from(error: bill::Error) -> Self {
        Self::Bill(error)
    }
}

fn refused(reason: Refused) -> Error {
    match reason {
        Refused::Bill(error) => unreadable(&error),
        Refused::Currency(error) => {
            let code = error.theirs.clone();
            Error::usage(error.to_string()).hinted(format!(
                "nothing is converted: run with `--currency {code}` and prices in it (`--price`, `--price-book`, or \
                 `--usd-rate` for the built-in list)"
            ))
        }
    }
}

fn unreadable(error: &bill::Error) -> Error {
    let is_usage = matches!(error, bill::Error::NotFocus { .. });
    let message = format!("bill {error}");
    match is_usage {
        true => Error::usage(message)
            .hinted("export the bill as FOCUS; docs/reconcile.md says which columns are needed"),
        false => Error::failed(message),
    }
}

/// Whether they agree as much as they have to.
fn judge(found: &ReconcileReport, outcome: Outcome, settings: &Settings, ui: &Ui) -> Result<()> {
    if found.total.matched == 0 {
        return Err(Error::failed("nothing on the bill is a node of the ledger")
            .hinted("rows are matched by ResourceId and the Node's spec.providerID, or by names: see docs/reconcile.md")
            .hinted("without cluster objects (`--no-kubernetes`) only names of nodes can match"));
    }
    checked::judge(&found.items, settings, ui)?;
    let is_broken = found.items.iter().any(|item| item.severity == Severity::Error);
    if outcome == Outcome::Fail && !is_broken {
        return Err(Error::failed("could not be evaluated: max-difference")
            .hinted("a node has no price; make some of the bill with `--write-prices FILE`"));
    }
    Ok(())
}

/// A file beside the report.
fn file_target(path: &Path, settings: &Settings) -> Result<Target> {
    let output_file = Some(path.to_owned());
    Target::check_answer(&View { format: Format::Json, output_file, ..settings.view.clone() })
}

fn write_prices(target: &Target, path: &Path, found: &ReconcileReport, ui: &Ui) -> Result<()> {
    let Some(text) = price_book(found) else {
        ui.warn(&format!(
            "{}: not written: of no matched machine the bill says the hours",
            path.display()
        ));
        return Ok(());
    };
    target.write(Rendered::Document(text.into_bytes()), ui)
}
