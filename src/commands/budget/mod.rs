//! `gpu-finops budget check`, `list`, `explain` and `init`.

mod material;

use clap::Subcommand;

use super::gather::system_clock;
use super::{checked, deliver, recommend, render, resolve, verdict};
use crate::budget::build;
use crate::budget::calendar::{Calendar, FiscalYear};
use crate::budget::contract::{BudgetReport, BudgetRow, State};
use crate::budget::evaluate::{Question, evaluate};
use crate::budget::judge::Strictness;
use crate::budget::propose::{self, Terms};
use crate::budget::scope::queue_labels;
use crate::budget::spend::measured;
use crate::budget::verdict::verdict as budget_verdict;
use crate::error::{Error, Result, exit_code};
use crate::model::{Inputs, Window};
use crate::report::contract::Finding;
use crate::settings::Settings;
use crate::settings::args::{BudgetFlags, BudgetListFlags, Typed};
use crate::settings::budgets::BudgetSettings;
use crate::settings::layers::Environment;
use crate::settings::parse;
use crate::ui::Ui;
use material::{Asked, Material};

const CHECK_EXAMPLES: &str = "\
Examples:
  gpu-finops budget check --budgets budgets.yaml --prometheus http://localhost:9090
  gpu-finops budget check --budgets teams.yaml --budgets fleet.yaml --store ./rollups
      From what `gpu-finops roll-up` keeps, as of the last midnight (UTC).
  gpu-finops budget check --budgets budgets.yaml --at 2026-12-01
      November, as it closed.
  gpu-finops budget check --budgets budgets.yaml --warn-only -o json
  gpu-finops budget check --budgets budgets.yaml --store ./rollups -o github-comment --output-file comment.md
      What a pull request is told; junit, sarif, github-annotations, slack and others are for other places.
  gpu-finops budget check --budgets budgets.yaml --strict --min-known 95%

Exit codes:
  0 every budget that could be judged is kept, or --warn-only · 1 a budget could not be evaluated, or a source failed
  2 wrong usage or configuration · 3 a budget is breached (a rule with `action: fail` fires)
  4 too little is known to judge a budget (with --strict), or the ledger does not balance · 130 interrupted
  When several hold: 4 for a ledger that does not balance, then 3, then 1, then 4.";

const LIST_EXAMPLES: &str = "\
Examples:
  gpu-finops budget list --budgets budgets.yaml
  gpu-finops budget list -o json";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  gpu-finops budget explain team-a --budgets budgets.yaml
  gpu-finops budget explain team-a --budgets budgets.yaml --store ./rollups -o json";

const INIT_EXAMPLES: &str = "\
Examples:
  gpu-finops budget init > budgets.yaml
  gpu-finops budget init --period week --headroom 20% --history 90d --output-file budgets.yaml
  gpu-finops budget init --store ./rollups --history 180d --period quarter";

/// Hold what was spent against budgets.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Judge every budget: spend to date, burn rates, forecast, the day it runs out, who drove it.
    ///
    /// Budgets are those of the config file (`budgets`) and of `--budgets`. What has no data is not taken for 0: a
    /// budget of which too little is known is not judged, and says so.
    #[command(after_long_help = CHECK_EXAMPLES)]
    Check {
        #[command(flatten)]
        flags: BudgetFlags,
    },
    /// List budgets as they are defined, with no data.
    #[command(after_long_help = LIST_EXAMPLES)]
    List {
        #[command(flatten)]
        flags: BudgetListFlags,
    },
    /// Explain one budget: what was added up, the forecast's method and how it did on the past, each with units.
    #[command(after_long_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// Name of the budget
        name: String,
        #[command(flatten)]
        flags: BudgetFlags,
    },
    /// Propose a budget for each tenant from what it spent, as YAML that `budget check` reads.
    ///
    /// The amount is the most of any whole period that was read (--history), with headroom; where there is none, the
    /// rate of what is known.
    #[command(after_long_help = INIT_EXAMPLES)]
    Init(InitArgs),
}

#[derive(Debug, clap::Args)]
struct InitArgs {
    /// Length of a period
    #[arg(long, value_name = "PERIOD", default_value = "month", value_parser = ["day", "week", "month", "quarter"])]
    period: String,
    /// Added to what was spent: a factor or a percentage
    #[arg(long, value_name = "RATIO", default_value = "10%")]
    headroom: String,
    #[command(flatten)]
    flags: BudgetFlags,
}

impl Args {
    /// What was typed of the settings.
    #[must_use]
    pub const fn typed(&self) -> &Typed {
        match &self.action {
            Action::Check { flags } | Action::Explain { flags, .. } => &flags.0,
            Action::List { flags } => &flags.0,
            Action::Init(args) => &args.flags.0,
        }
    }
}

/// Does what was asked for.
///
/// # Errors
///
/// Wrong settings or budgets; a source that failed; a breach, and what could not be evaluated, after the report is
/// written.
pub async fn run(args: Args, environment: Environment, ui: &Ui) -> Result<()> {
    let (layers, _) = resolve(args.typed().clone(), environment, ui)?;
    match args.action {
        Action::Check { .. } => check(&BudgetSettings::with_budgets(&layers)?, ui).await,
        Action::Explain { name, .. } => {
            explain(&name, &BudgetSettings::with_budgets(&layers)?, ui).await
        }
        Action::List { .. } => list(&BudgetSettings::with_budgets(&layers)?, ui),
        Action::Init(args) => init(&args, &BudgetSettings::resolve(&layers)?, ui).await,
    }
}

async fn check(settings: &BudgetSettings, ui: &Ui) -> Result<()> {
    let view = &settings.settings.view;
    let target = deliver::Target::of_check(view)?;
    let report = judged(settings, settings.asked, ui).await?;
    let said = budget_verdict(&report, settings.asked.warn_only);
    let rendered = render::budgets(&report, &said, view, false, ui)?;
    checked::write(&target, rendered, &said, &settings.settings, ui)?;
    verdict::announce(&report.coverage, view.format, ui);
    ended(&report, settings)
}

async fn explain(name: &str, settings: &BudgetSettings, ui: &Ui) -> Result<()> {
    if !settings.budgets.iter().any(|budget| budget.name == name) {
        let names: Vec<&str> = settings.budgets.iter().map(|b| b.name.as_str()).collect();
        return Err(Error::usage(format!("there is no budget {}", parse::quoted(name)))
            .hinted(format!("there is {}", names.join(", "))));
    }
    let view = &settings.settings.view;
    let target = deliver::Target::of_check(view)?;
    let asked = Strictness { warn_only: true, ..settings.asked };
    let mut report = judged(settings, asked, ui).await?;
    report.budgets.retain(|row| row.name == name);
    report.state = report.budgets.first().map_or(State::Error, |row| row.state);
    report.exit_code = match report.state {
        State::Error => exit_code::FAILED,
        _ if !report.reconciliation.balanced => exit_code::INCOMPLETE,
        _ => exit_code::OK,
    };
    let said = budget_verdict(&report, true);
    let rendered = render::budgets(&report, &said, view, true, ui)?;
    checked::write(&target, rendered, &said, &settings.settings, ui)?;
    ended(&report, settings)
}

/// Reads and judges.
async fn judged(settings: &BudgetSettings, asked: Strictness, ui: &Ui) -> Result<BudgetReport> {
    let labels = queue_labels(&settings.settings.policy.tenant_rules);
    let question = Asked { budgets: &settings.budgets, queue_labels: &labels, settings };
    let Material { spend, report, as_of, inputs } = material::read(question, ui).await?;
    let known = report.findings.clone();
    let question = Question {
        budgets: &settings.budgets,
        as_of,
        currency: &settings.settings.policy.prices.currency,
        min_known: settings.min_known,
        findings: &known,
    };
    // To replay the past takes as long as all else: it is done where somebody is going to ask what to do.
    let is_asked = evaluate(&spend, &question).iter().any(is_alarming);
    let replayed = match (is_asked, inputs) {
        (true, Some(inputs)) => Some(changes(inputs, &settings.settings)?),
        _ => None,
    };
    let findings = replayed.as_deref().unwrap_or(question.findings);
    Ok(build::report(&spend, &Question { findings, ..question }, asked, report))
}

const fn is_alarming(row: &BudgetRow) -> bool {
    matches!(row.state, State::Warn | State::Fail | State::Muted)
}

/// What `recommend` counts on the same time, from the first sample on: what came before is no gap in the evidence.
fn changes(mut inputs: Inputs, settings: &Settings) -> Result<Vec<Finding>> {
    let known = measured(&inputs, settings.policy.max_gap_ms);
    let window = known.hull().and_then(|time| Window::new(time.start, inputs.window.end()));
    inputs.window = window.unwrap_or(inputs.window);
    let recommended = recommend::on(&inputs, settings)?.recommendations;
    Ok(recommended.into_iter().filter(|r| r.counted).map(|r| r.finding).collect())
}

/// The exit code in words.
fn ended(report: &BudgetReport, settings: &BudgetSettings) -> Result<()> {
    let of = |state: State| -> String {
        let names = report.budgets.iter().filter(|row| row.state == state);
        names.map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match report.exit_code {
        exit_code::OK => Ok(()),
        exit_code::VIOLATED => Err(Error::violated(format!("over budget: {}", of(State::Fail)))
            .hinted("`gpu-finops budget explain NAME` tells how the figures come about")),
        exit_code::FAILED => {
            Err(Error::failed(format!("could not be evaluated: {}", of(State::Error)))
                .hinted("the report says why; a budget that is not evaluated is not kept"))
        }
        _ => {
            let strict = settings.settings.strict;
            let (sums, coverage) = (&report.reconciliation, &report.coverage);
            verdict::judge(sums, coverage, &report.currency, strict)?;
            Err(Error::incomplete(format!("too little is known to judge: {}", of(State::Unclear)))
                .hinted("the report is written; without `--strict` it would stand as it is"))
        }
    }
}

fn list(settings: &BudgetSettings, ui: &Ui) -> Result<()> {
    let view = &settings.settings.view;
    let target = deliver::Target::check_answer(view)?;
    let now = match (settings.at_ms, settings.settings.now_ms) {
        (Some(at), _) | (None, Some(at)) => at,
        (None, None) => system_clock()?,
    };
    let list = build::list(&settings.budgets, &settings.settings.policy.prices.currency, now);
    target.write(render::budget_list(&list, view, ui)?, ui)
}

async fn init(args: &InitArgs, settings: &BudgetSettings, ui: &Ui) -> Result<()> {
    let target = deliver::Target::check_answer(&settings.settings.view)?;
    let headroom = parse::factor(&args.headroom)
        .map_err(|what| Error::usage(format!("`--headroom`: {what}")))?;
    let kind = propose::kind_named(&args.period)
        .ok_or_else(|| Error::usage(format!("`--period`: {}", parse::quoted(&args.period))))?;
    let zone = settings.settings.timezone;
    let calendar = Calendar { kind, year: FiscalYear::Months { first: 1 }, zone };
    let everything = [propose::everything(calendar)];
    let labels = queue_labels(&settings.settings.policy.tenant_rules);
    let asked = Asked { budgets: &everything, queue_labels: &labels, settings };
    let Material { spend, as_of, .. } = material::read(asked, ui).await?;
    let currency = &settings.settings.policy.prices.currency;
    let terms = Terms { calendar, headroom, currency, as_of, min_known: settings.min_known };
    let proposals = propose::propose(&spend, &terms);
    if proposals.is_empty() {
        return Err(Error::failed("nobody held a GPU in the time that was read")
            .hinted("read more of the past: `--history 90d`"));
    }
    let text = propose::to_yaml(&proposals, &terms);
    target.write(deliver::Rendered::Document(text.into_bytes()), ui)
}
