//! Budgets as values: what they are about, how much they allow, and what happens when it is not enough.
//!
//! Checked and resolved already: `settings::budgets` reads them from files. No spending here.

use regex::Regex;

use super::calendar::Calendar;
use crate::model::policy::LabelRequirement;
use crate::units::Millis;

/// A limit on what something may cost in each period.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Its name, once among all.
    pub name: String,
    /// Position of the budget that it is part of.
    pub parent: Option<usize>,
    /// What counts.
    pub scope: Scope,
    /// The scope in words, for people.
    pub scope_text: String,
    /// Which time of it counts.
    pub basis: Basis,
    /// What `amount` is in.
    pub unit: Unit,
    /// How much a whole period allows; above 0.
    pub amount: f64,
    /// Its periods.
    pub calendar: Calendar,
    /// What is judged.
    pub rules: Vec<Rule>,
    /// First instant that counts; the first period is shorter then, and allows less.
    pub start: Option<Millis>,
    /// Most that is carried over of what the period before left; `None` carries nothing.
    pub carry_over: Option<Limit>,
    /// Who is asked.
    pub owners: Vec<String>,
    /// What is different for a while.
    pub exceptions: Vec<Exception>,
    /// Whether a scope that matches nobody is no mistake.
    pub may_be_empty: bool,
    /// The file that defines it.
    pub file: String,
    /// The line of its name in it, counted from 1.
    pub line: Option<u32>,
}

/// What a budget is about.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Everything.
    Fleet,
    /// Whatever one of the budgets below it is about.
    Children,
    /// What meets every condition.
    Where(Box<Conditions>),
}

/// Conditions of a scope; an empty list asks for nothing, of several patterns one must match.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Tenants.
    pub tenants: Vec<Regex>,
    /// Namespaces.
    pub namespaces: Vec<Regex>,
    /// Workloads: by name, or as `namespace/Kind/name`.
    pub workloads: Vec<Regex>,
    /// Queues.
    pub queues: Vec<Regex>,
    /// Clusters.
    pub clusters: Vec<Regex>,
    /// GPU models, on the normalised name.
    pub models: Vec<Regex>,
    /// Capacity types (`on-demand`, `spot`, `reserved`).
    pub capacity_types: Vec<String>,
    /// Labels of the pod; all of them must hold.
    pub selector: Vec<LabelRequirement>,
}

impl Conditions {
    /// Whether anything is asked of who holds a GPU.
    #[must_use]
    pub fn is_about_holders(&self) -> bool {
        !(self.tenants.is_empty()
            && self.namespaces.is_empty()
            && self.workloads.is_empty()
            && self.queues.is_empty()
            && self.selector.is_empty())
    }
}

/// Which time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What somebody held: `allocated` of the report.
    Held,
    /// All of it, held or not: `capacity` of the report.
    Capacity,
}

impl Basis {
    /// Name in config and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Capacity => "capacity",
        }
    }
}

/// What an amount is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The report's currency.
    Money,
    /// GPU-hours.
    GpuHours,
}

/// A share of something, or an amount in the budget's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// 0.2 is 20 %.
    Share(f64),
    /// In the budget's unit.
    Amount(f64),
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Spend to date, as a share of the amount.
    Actual,
    /// Spend expected at the period's end, as a share of the amount.
    Forecast,
    /// Idle share of the observed time.
    IdlePercent,
    /// Waste: a share of the spend, or an amount.
    Waste,
    /// How many times faster than evenly the amount is spent, in a long and a short window.
    BurnRate,
    /// Mean utilization; lower is worse.
    Utilization,
}

impl On {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Actual,
        Self::Forecast,
        Self::IdlePercent,
        Self::Waste,
        Self::BurnRate,
        Self::Utilization,
    ];

    /// Name in config and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actual => "actual",
            Self::Forecast => "forecast",
            Self::IdlePercent => "idle_percent",
            Self::Waste => "waste",
            Self::BurnRate => "burn_rate",
            Self::Utilization => "utilization",
        }
    }
}

/// What a rule that fires does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Says so.
    Warn,
    /// Says so, and the exit code is 3.
    Fail,
}

impl Action {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warn, Self::Fail];

    /// Name in config and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// What it looks at.
    pub on: On,
    /// From where on it fires (for utilization: below where). A burn rate is [`Limit::Amount`], a factor.
    pub threshold: Limit,
    /// What it does then.
    pub action: Action,
    /// Windows of a burn rate, long and short, milliseconds; `None` takes those of the period.
    pub windows: Option<(i64, i64)>,
}

/// What is different until a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Added to the amount, in the budget's unit.
    pub extra: f64,
    /// No rule fires.
    pub mute: bool,
    /// First instant at which it is over.
    pub expires: Millis,
    /// The day as written.
    pub expires_text: String,
    /// Why.
    pub reason: String,
}
