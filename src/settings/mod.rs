//! What was typed, resolved into what will happen.
//!
//! Flag > environment > config file > default, for each value by itself. The rest of the program
//! takes [`Settings`] and never asks a flag, a variable or a file again.

pub mod args;
pub mod budgets;
pub mod catalogue;
pub mod cleanup;
pub mod clusters;
pub mod collect;
pub mod config;
pub mod gate;
pub mod layers;
pub mod parse;
pub mod policy;
pub mod prices;
pub mod rollup;
pub mod selector;
pub mod show;
pub mod source;
pub mod tenants;
#[cfg(test)]
mod tests;
pub mod window;

use std::path::PathBuf;

use chrono_tz::Tz;

use crate::claims::{Class, UnknownClass};
use crate::error::{Error, Result};
use crate::findings::RULES;
use crate::focus::{Billing, Version};
use crate::model::{Policy, Window};
use crate::output::{Format, GroupBy};
use crate::recommend::Filters;
use crate::report::contract::ScopeRow;
use crate::ui::{ColorChoice, UiOptions, Verbosity};
use crate::units::{MS_PER_DAY, MS_PER_HOUR, Millis};
use args::Typed;
use clusters::ClusterSpec;
use config::Config;
use layers::{Environment, Layers};
use parse::{Read, quoted};
use source::SourceChoice;
use window::{Instant, ResolvedWindow, WindowRequest};

/// How a report is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// What the rows are.
    pub by: GroupBy,
    /// Format.
    pub format: Format,
    /// Where it goes; `None` is standard output.
    pub output_file: Option<PathBuf>,
    /// Rows in each section of a table; `None` shows all.
    pub top: Option<usize>,
}

/// What is said of resource claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimView {
    /// Classes to list; all when empty.
    pub classes: Vec<Class>,
    /// Age below which a leftover is not settled, milliseconds.
    pub min_age_ms: i64,
    /// Idle time from which on a claim that is reserved counts as idle, milliseconds.
    pub idle_after_ms: i64,
}

/// All settings of a run, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the inputs come from.
    pub source: SourceChoice,
    /// Clusters by name; none where there is one that needs none.
    pub clusters: Vec<ClusterSpec>,
    /// Which time, to be resolved by a clock.
    pub window: WindowRequest,
    /// Whether somebody asked for that window (a snapshot brings its own).
    pub window_is_given: bool,
    /// Zone in which days begin.
    pub timezone: Tz,
    /// Clock to go by, when it is not the system's.
    pub now_ms: Option<Millis>,
    /// How the report is shown.
    pub view: View,
    /// What is said of resource claims.
    pub claims: ClaimView,
    /// Which recommendations are shown.
    pub recommend: Filters,
    /// Which changes are made, and how carefully.
    pub cleanup: cleanup::CleanupOptions,
    /// What exported rows say besides the ledger.
    pub billing: Billing,
    /// What a change of manifests is priced with, and what it must not do.
    pub gate: gate::Gate,
    /// What a CI server is told.
    pub ci: gate::Ci,
    /// What decides the figures.
    pub policy: Policy,
    /// What part of the ledger is shown, as typed.
    pub scope: ScopeRow,
    /// Whether incomplete data is an error.
    pub strict: bool,
    /// Whether what only recommendations look at is read, too.
    pub optional: bool,
    /// Whether a snapshot gets pseudonyms.
    pub redact: bool,
    /// Whether a snapshot may replace an older one.
    pub force: bool,
    /// How the tool talks.
    pub ui: UiOptions,
    /// What the figures depend on, for the report: key, value, origin.
    pub assumptions: Vec<show::Shown>,
    /// What recommendations depend on besides.
    pub judging: Vec<show::Shown>,
    /// Variables that look like a misspelt setting, each with what was meant.
    pub near_misses: Vec<(String, String)>,
}

/// Reads the config file that the flags or the environment name, or the default one.
///
/// # Errors
///
/// A usage error that names the file.
pub fn layers(typed: Typed, environment: Environment) -> Result<Layers> {
    let without_file = Layers::new(typed.clone(), environment.clone(), Config::default());
    let named = without_file.one("config", parse::path)?;
    let config = Config::find(named.as_deref(), &environment)?;
    Ok(Layers::new(typed, environment, config))
}

impl Settings {
    /// The same, by which what only recommendations look at is read, too.
    #[must_use]
    pub fn asking_optional(&self) -> Self {
        let mut settings = Self { optional: true, ..self.clone() };
        if let SourceChoice::Live(live) = &mut settings.source {
            live.read.optional = true;
        }
        settings
    }

    /// Resolves all settings.
    ///
    /// # Errors
    ///
    /// A usage error that names the flag, variable or key, shows the value and says what is expected.
    pub fn resolve(layers: &Layers) -> Result<Self> {
        Self::with_source(layers, source::source_choice(layers)?)
    }

    /// The same, of a source that was chosen already.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub fn with_source(layers: &Layers, source: SourceChoice) -> Result<Self> {
        let policy = policy::policy(layers)?;
        let (window, window_is_given) = window_request(layers)?;
        let window = match &source {
            // The present says little of the week.
            SourceChoice::Live(live) if live.scrape.is_some() && !window_is_given => {
                WindowRequest::Trailing(MS_PER_HOUR)
            }
            _ => window,
        };
        Ok(Self {
            clusters: clusters::clusters(layers, &source)?,
            source,
            window,
            window_is_given,
            timezone: layers.one("timezone", timezone)?.unwrap_or(Tz::UTC),
            now_ms: layers.one("now", now)?,
            view: view(layers)?,
            claims: claim_view(layers)?,
            recommend: filters(layers)?,
            cleanup: cleanup::options(layers)?,
            billing: billing(layers)?,
            gate: gate::gate(layers, &policy)?,
            ci: gate::ci(layers)?,
            scope: policy::scope_as_typed(layers)?,
            strict: layers.switch("strict")?,
            redact: layers.switch("redact")?,
            force: layers.switch("force")?,
            ui: ui_options(layers)?,
            assumptions: show::assumptions(layers, &policy)?,
            judging: show::judging(layers)?,
            optional: false,
            near_misses: layers.environment().near_misses(),
            policy,
        })
    }

    /// The window at this instant.
    ///
    /// # Errors
    ///
    /// A usage error that shows both ends.
    pub fn window_at(&self, now_ms: Millis) -> Result<ResolvedWindow> {
        let hinted = |problem: String| {
            Error::usage(problem)
                .hinted("set it with `--window 7d`, `--window START,END`, or `--start` and `--end`")
        };
        self.window.resolve(now_ms, self.timezone).map_err(hinted)
    }

    /// The whole UTC days of a window at this instant.
    ///
    /// # Errors
    ///
    /// A usage error that shows what is wrong.
    pub fn whole_days(&self, window: WindowRequest, now_ms: Millis) -> Result<Window> {
        window.whole_days(now_ms, self.timezone).map_err(|problem| {
            Error::usage(problem).hinted(
                "set it with `--window 7d`, `yesterday`, `lastmonth` or `YYYY-MM-DD,YYYY-MM-DD`, in UTC",
            )
        })
    }

    /// The window of a replay: the recorded one, or the part of it that was asked for.
    ///
    /// # Errors
    ///
    /// A usage error when the window asked for is not within the recorded one.
    pub fn window_within(
        &self,
        recorded: Window,
        recorded_now_ms: Millis,
    ) -> Result<ResolvedWindow> {
        if !self.window_is_given {
            return Ok(ResolvedWindow { window: recorded, note: None });
        }
        // "The last 7 days" of a recording end where it ends; days of the calendar go by its clock.
        let now_ms = match self.window {
            WindowRequest::Trailing(_) => recorded.end(),
            _ => recorded_now_ms,
        };
        let asked = self.window_at(now_ms)?;
        let inside = recorded.clip(asked.window.start(), asked.window.end());
        if inside == Some((asked.window.start(), asked.window.end())) {
            return Ok(asked);
        }
        let text = |w: Window| {
            use crate::model::window::rfc3339;
            format!("{} to {}", rfc3339(w.start()), rfc3339(w.end()))
        };
        Err(Error::usage(format!(
            "the window {} is not within that of the snapshot, {}",
            text(asked.window),
            text(recorded)
        ))
        .hinted("leave `--window` out to report on all that was recorded"))
    }
}

/// `--window`, or `--start` and `--end`; whichever was said in the higher layer.
fn window_request(layers: &Layers) -> Result<(WindowRequest, bool)> {
    let request = layers.one("window", window::parse)?;
    let bound = |id| {
        let instant = layers.one(id, window::instant)?;
        let overruled = source::is_overruled(layers, id, "window")?;
        Ok::<_, Error>(instant.filter(|_| !overruled))
    };
    match (bound("start")?, bound("end")?) {
        (Some(start), end) => Ok((WindowRequest::Between(start, end), true)),
        (None, Some(_)) => {
            Err(Error::usage("`--end` needs `--start` as well")
                .hinted("or use `--window START,END`"))
        }
        (None, None) => match request {
            Some(request) => Ok((request, layers.origin("window")?.rank() > 0)),
            None => Err(Error::usage("no window is given; use `--window 7d`")),
        },
    }
}

/// An IANA time zone.
fn timezone(text: &str) -> Read<Tz> {
    text.parse()
        .map_err(|_| format!("{} is not an IANA time zone; use Europe/Berlin or UTC", quoted(text)))
}

fn now(text: &str) -> Read<Millis> {
    match window::instant(text)? {
        Instant::At(ms) => Ok(ms),
        Instant::Day(_) => Err(format!("`{text}` has no time of day; use RFC 3339")),
    }
}

fn view(layers: &Layers) -> Result<View> {
    let top = layers.one("top", |t| parse::count(t, 0, 1_000_000))?;
    Ok(View {
        by: layers.one("by", parse::named)?.unwrap_or(GroupBy::Tenant),
        format: layers.one("output", parse::named)?.unwrap_or(Format::Table),
        output_file: layers.one("output-file", parse::path)?,
        top: top.filter(|n| *n > 0),
    })
}

fn billing(layers: &Layers) -> Result<Billing> {
    let name = |text: &str| match text.trim() {
        "" => Err("is empty; give a name".to_owned()),
        name => Ok(name.to_owned()),
    };
    Ok(Billing {
        version: layers.one("focus-version", |t| parse::one_of(t, VERSIONS))?.unwrap_or_default(),
        account: layers.one("billing-account", name)?.unwrap_or_default(),
        provider: layers.one("provider", name)?.unwrap_or_default(),
    })
}

/// Versions of FOCUS by name, as in the catalogue.
const VERSIONS: &[(&str, Version)] = &[("1.2", Version::V1_2), ("1.3", Version::V1_3)];

fn claim_view(layers: &Layers) -> Result<ClaimView> {
    let class =
        |text: &str| text.parse().map_err(|e: UnknownClass| format!("{} {e}", quoted(text)));
    let length = |text: &str| parse::duration_up_to(text, 365 * MS_PER_DAY, "a year");
    Ok(ClaimView {
        classes: layers.many("class", class)?,
        min_age_ms: layers.one("min-age", length)?.unwrap_or(0),
        idle_after_ms: layers.one("idle-after", length)?.unwrap_or(0),
    })
}

fn filters(layers: &Layers) -> Result<Filters> {
    let names = || RULES.iter().map(|rule| rule.name);
    let rule = |text: &str| {
        let choices = || names().collect::<Vec<_>>().join(", ");
        let known = names().find(|name| *name == text);
        known.ok_or_else(|| format!("{} is not a rule; choose of {}", quoted(text), choices()))
    };
    Ok(Filters {
        rules: layers.many("rule", rule)?,
        min_savings: layers.one("min-savings", parse::amount)?,
        min_confidence: layers.one("min-confidence", parse::ratio)?.unwrap_or(0.0),
        include_refused: layers.switch("include-refused")?,
    })
}

/// Colour choices by name, as in the catalogue.
const COLORS: &[(&str, ColorChoice)] =
    &[("auto", ColorChoice::Auto), ("always", ColorChoice::Always), ("never", ColorChoice::Never)];

/// Reads the settings that decide how the tool talks.
///
/// # Errors
///
/// A usage error that names the flag, variable or key.
pub fn ui_options(layers: &Layers) -> Result<UiOptions> {
    let quiet = layers.switch("quiet")? && !source::is_overruled(layers, "quiet", "verbose")?;
    let color = layers.one("color", |t| parse::one_of(t, COLORS))?;
    Ok(UiOptions {
        verbosity: match (quiet, layers.switch("verbose")?) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        },
        progress: !layers.switch("no-progress")?,
        color: color.unwrap_or(ColorChoice::Auto),
    })
}
