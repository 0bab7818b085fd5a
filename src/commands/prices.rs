//! `gpu-finops prices list`.

use clap::{Subcommand, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::resolve;
use crate::error::{Error, Result};
use crate::model::policy::{PriceBook, PriceOrigin, PriceRule};
use crate::settings::args::{PriceFlags, Typed};
use crate::settings::layers::Environment;
use crate::settings::prices::pattern_text;
use crate::ui::{Ui, harmless};

const EXAMPLES: &str = "\
Examples:
  gpu-finops prices list
  gpu-finops prices list --price A100=2.50 -o csv
  gpu-finops prices list --price-book contract.yaml --price-book list.yaml
  gpu-finops prices list --currency EUR --usd-rate 0.92 -o json";

/// Show prices.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the price book in force: --price, files of prices, the config file's rules, the built-in list.
    ///
    /// The first row that applies to a GPU gives its price. Each row says who says so, and when.
    #[command(after_long_help = EXAMPLES)]
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Format
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    output: ListFormat,
    #[command(flatten)]
    flags: PriceFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people
    Table,
    /// One object per row
    Json,
    /// Comma-separated values
    Csv,
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        let Action::List(args) = &self.action;
        &args.flags.0
    }
}

/// One price as it is printed.
#[derive(Debug, Serialize)]
struct Row<'a> {
    /// Place in the order of precedence, from 1.
    order: usize,
    /// Where it applies.
    applies_to: String,
    price_per_gpu_hour: f64,
    currency: &'a str,
    origin: &'static str,
    source: &'a str,
    date: Option<&'a str>,
}

/// Prints the book.
///
/// # Errors
///
/// Wrong settings, or a standard output that cannot be written.
pub fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let Action::List(args) = args.action;
    let (_, settings) = resolve(args.flags.0, environment, ui)?;
    let book = &settings.policy.prices;
    let rows: Vec<Row<'_>> =
        book.rules.iter().enumerate().map(|(i, rule)| row(i + 1, rule, book)).collect();
    if rows.is_empty() {
        ui.warn("the price book is empty: every GPU will be without a price");
    }
    ui.data(&match args.output {
        ListFormat::Table => table(&rows, ui.width()).into_bytes(),
        ListFormat::Json => json(&rows)?,
        ListFormat::Csv => csv(&rows)?,
    })
}

fn row<'a>(order: usize, rule: &'a PriceRule, book: &'a PriceBook) -> Row<'a> {
    Row {
        order,
        applies_to: conditions(rule),
        price_per_gpu_hour: rule.per_gpu_hour,
        currency: &book.currency,
        origin: match rule.origin {
            PriceOrigin::Flag => "flag",
            PriceOrigin::File => "file",
            PriceOrigin::Config => "config",
            PriceOrigin::BuiltIn => "built-in",
        },
        source: &rule.source,
        date: rule.date.as_deref(),
    }
}

/// Every condition of a rule, `everything` without any.
fn conditions(rule: &PriceRule) -> String {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|v| format!("{name}={v}"));
    let conditions: Vec<String> = [
        rule.model.as_ref().map(|m| format!("model={}", pattern_text(m))),
        named("instance", &rule.instance_type),
        named("capacity", &rule.capacity_type),
        named("region", &rule.region),
        named("node", &rule.node),
    ]
    .into_iter()
    .flatten()
    .chain(rule.node_labels.iter().map(|(k, v)| format!("{k}={v}")))
    .collect();
    if conditions.is_empty() { "everything".to_owned() } else { conditions.join(" ") }
}

/// The rows, and below them each source once.
fn table(rows: &[Row<'_>], width: usize) -> String {
    let currency = rows.first().map_or("", |row| row.currency);
    let mut sources: Vec<&str> = Vec::new();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(["APPLIES TO", &format!("{currency}/GPU-H"), "ORIGIN", "DATE", "SOURCE"]);
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in rows {
        let note = sources.iter().position(|s| *s == row.source).unwrap_or(sources.len());
        if note == sources.len() {
            sources.push(row.source);
        }
        table.add_row([
            harmless(&row.applies_to),
            format!("{:.4}", row.price_per_gpu_hour),
            row.origin.to_owned(),
            row.date.unwrap_or("?").to_owned(),
            format!("[{}]", note + 1),
        ]);
    }
    let notes = sources.iter().enumerate();
    let notes: String =
        notes.map(|(i, source)| format!("\n [{}] {}", i + 1, harmless(source))).collect();
    format!("{}\n{notes}\n", table.trim_fmt())
}

fn json(rows: &[Row<'_>]) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(rows)
        .map_err(|e| Error::failed("cannot encode the prices as JSON").caused_by(e))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn csv(rows: &[Row<'_>]) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::failed("cannot encode the prices as CSV").caused_by(e);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record([
            "order",
            "applies_to",
            "price_per_gpu_hour",
            "currency",
            "origin",
            "source",
            "date",
        ])
        .map_err(failed)?;
    for row in rows {
        let fields = [
            row.order.to_string(),
            inert(&row.applies_to),
            row.price_per_gpu_hour.to_string(),
            row.currency.to_owned(),
            inert(row.origin),
            inert(row.source),
            row.date.unwrap_or_default().to_owned(),
        ];
        writer.write_record(&fields).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|e| Error::failed("cannot encode the prices as CSV").caused_by(e.into_error()))
}

/// A cell that a spreadsheet takes for text, whatever it starts with.
fn inert(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}
