//! `gpu-finops export focus`.

use clap::Subcommand;

use super::deliver::{Rendered, Target};
use super::watch::Watch;
use super::{report, resolve, verdict};
use crate::error::{Error, Result};
use crate::focus::{Charge, Table, charges, table};
use crate::output::{Format, focus_csv, focus_parquet};
use crate::report::accounts::Accounts;
use crate::settings::args::{ExportFlags, Typed};
use crate::settings::layers::{Environment, Layers};
use crate::settings::{Settings, View};
use crate::ui::Ui;
use crate::units::MS_PER_DAY;

const FOCUS_EXAMPLES: &str = "\
Examples:
  gpu-finops export focus --window lastmonth --output-file gpus.csv
  gpu-finops export focus --window 2026-11-01,2026-12-01 --focus-version 1.3 -o parquet --output-file ./focus
  gpu-finops export focus --store ./rollups --window lastmonth --billing-account 1234 --provider 'Example Cloud'
      Of all clusters, from what `gpu-finops roll-up` keeps.

Exit codes:
  0 all is well · 1 the tool or a source failed · 2 wrong usage or configuration
  4 the data is incomplete (with --strict), or the ledger does not balance · 130 interrupted";

/// Export rows for other programs.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    /// What to export.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Export the ledger as rows of FOCUS, for finance tools.
    ///
    /// One charge for each GPU and UTC day, split between those who held it and the states that its time was in,
    /// what nobody held included. Cents add up to the ledger. Of a GPU without a price, costs are null.
    #[command(after_long_help = FOCUS_EXAMPLES)]
    Focus {
        #[command(flatten)]
        flags: ExportFlags,
    },
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        match &self.what {
            What::Focus { flags } => &flags.0,
        }
    }
}

/// Reads what `report` reads, and writes rows.
///
/// # Errors
///
/// As `report`; a format that is neither CSV nor Parquet.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let What::Focus { flags } = args.what;
    let (layers, settings) = resolve(flags.0, environment, ui)?;
    let view = View { format: format(&layers, &settings)?, ..settings.view.clone() };
    let target = Target::check(&view)?;
    let mut found: Vec<Charge> = Vec::new();
    let mut look = |accounts: &Accounts, slices: &[_], _| found.extend(charges(accounts, slices));
    let watch = Watch { step_ms: MS_PER_DAY, look: &mut look };
    let report = report::answer(&settings, ui, Some(watch)).await?;
    let table = table(&found, &report.currency, &settings.billing);
    target.write(rendered(&table, view.format)?, ui)?;
    if !report.coverage.gpus_without_price.is_empty() {
        let gpus = report.coverage.gpus_without_price.join(", ");
        ui.warn(&format!(
            "without a price, and so with null costs, which FOCUS does not allow: {gpus}; \
             give them one with `--price MODEL=PRICE`"
        ));
    }
    verdict::announce(&report.coverage, view.format, ui);
    verdict::verdict(&report, settings.strict)
}

/// CSV unless Parquet is asked for. What the config file says of reports is not about rows.
fn format(layers: &Layers, settings: &Settings) -> Result<Format> {
    let is_asked = layers.origin("output")?.rank() > 1;
    match settings.view.format {
        Format::Csv | Format::Parquet => Ok(settings.view.format),
        other if is_asked => Err(Error::usage(format!("rows are not written as `{other}`"))
            .hinted("choose `-o csv` or `-o parquet`")),
        _ => Ok(Format::Csv),
    }
}

fn rendered(table: &Table, format: Format) -> Result<Rendered> {
    let failed = |e| Error::failed("cannot write the rows in this format").caused_by(e);
    Ok(match format {
        Format::Parquet => {
            let bytes = focus_parquet(table).map_err(failed)?;
            Rendered::Files(vec![("focus.parquet".to_owned(), bytes)])
        }
        _ => Rendered::Document(focus_csv(table).map_err(failed)?),
    })
}
