//! The flags of the catalogue as clap arguments, by section.
//!
//! Only what stands on the command line is taken here; the environment, the config file and the
//! defaults are other layers, so that each value keeps its origin.

use std::collections::BTreeMap;
use std::fmt;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::catalogue::{Kind, SETTINGS, Section, Setting};

/// Sections of the commands that read sources.
const SOURCES: u32 = Section::Prometheus.bit()
    | Section::Kubernetes.bit()
    | Section::WithoutCluster.bit()
    | Section::Store.bit()
    | Section::Scrape.bit()
    | Section::Targets.bit()
    | Section::Window.bit();
/// Sections of the commands that print a report.
const REPORTING: u32 = Section::Scope.bit()
    | Section::Namespaces.bit()
    | Section::Listing.bit()
    | Section::Top.bit()
    | Section::Output.bit()
    | Section::Policy.bit()
    | Section::Devices.bit()
    | Section::Strictness.bit()
    | Section::Prices.bit()
    | Section::General.bit();

/// Sections of the commands that change a cluster.
const PLANNING: u32 = SOURCES
    | Section::Scope.bit()
    | Section::Namespaces.bit()
    | Section::Claims.bit()
    | Section::Policy.bit()
    | Section::Devices.bit()
    | Section::Judging.bit()
    | Section::Recommendations.bit()
    | Section::Prices.bit()
    | Section::Cleanup.bit()
    | Section::General.bit();

/// Flags of `report`.
pub type ReportFlags =
    SettingFlags<{ SOURCES | REPORTING | Section::Replay.bit() | Section::Clusters.bit() }>;
/// Flags of `recommend`: those of `report` for one cluster, with thresholds and filters.
pub type RecommendFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Scope.bit()
            | Section::Namespaces.bit()
            | Section::Top.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Judging.bit()
            | Section::Recommendations.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `patch`: those of `recommend` but for its formats, and which claims.
pub type PatchFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Scope.bit()
            | Section::Namespaces.bit()
            | Section::Claims.bit()
            | Section::Top.bit()
            | Section::Policy.bit()
            | Section::Judging.bit()
            | Section::Recommendations.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `plan` and `cleanup`: those of `recommend` and `claims`, and what may be changed.
pub type PlanFlags = SettingFlags<{ PLANNING }>;
/// Flags of `apply`: those of `plan`, for findings are looked for again, and how its result is shown.
pub type ApplyFlags = SettingFlags<{ PLANNING | Section::Output.bit() }>;
/// Flags of `rollback`: which cluster, how it is shown, and the Lease.
pub type RollbackFlags = SettingFlags<
    {
        Section::Kubernetes.bit()
            | Section::Output.bit()
            | Section::Cleanup.bit()
            | Section::General.bit()
    },
>;

/// Flags of `export focus`: those of `report` that say what is read, and what rows say besides.
pub type ExportFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Clusters.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::Export.bit()
            | Section::General.bit()
    },
>;
/// Flags of `demo`: a report whose inputs are given.
pub type DemoFlags = SettingFlags<REPORTING>;
/// Flags of `claims`: cluster objects, and metrics where they are asked for.
pub type ClaimFlags = SettingFlags<
    {
        Section::Prometheus.bit()
            | Section::Kubernetes.bit()
            | Section::Replay.bit()
            | Section::Window.bit()
            | Section::Policy.bit()
            | Section::Namespaces.bit()
            | Section::Claims.bit()
            | Section::Output.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `doctor`: the sources of `report`, and what its figures depend on.
pub type DoctorFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `doctor rbac`: which cluster, and how the answer is shown.
pub type AccessFlags =
    SettingFlags<{ Section::Kubernetes.bit() | Section::Output.bit() | Section::General.bit() }>;
/// Flags of `snapshot save`.
pub type SaveFlags = SettingFlags<{ SOURCES | Section::Save.bit() | Section::General.bit() }>;
/// Flags of `roll-up`: where samples and objects come from, which days, and what figures depend on.
pub type RollUpFlags = SettingFlags<
    {
        Section::Prometheus.bit()
            | Section::Kubernetes.bit()
            | Section::WithoutCluster.bit()
            | Section::Clusters.bit()
            | Section::Replay.bit()
            | Section::Store.bit()
            | Section::RollUp.bit()
            | Section::Window.bit()
            | Section::Policy.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `diff`: what manifests are priced with and judged by, and the sources of `report` for what was used.
pub type DiffFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Gate.bit()
            | Section::Increase.bit()
            | Section::Ci.bit()
            | Section::Top.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `compare`: how two saved reports are shown.
pub type CompareFlags = SettingFlags<
    {
        Section::Increase.bit()
            | Section::Ci.bit()
            | Section::Top.bit()
            | Section::Output.bit()
            | Section::Strictness.bit()
            | Section::General.bit()
    },
>;
/// Flags of `reconcile`: those of `export focus` for the ledger, and how a verdict is shown.
pub type ReconcileFlags = SettingFlags<
    {
        SOURCES
            | Section::Replay.bit()
            | Section::Clusters.bit()
            | Section::Ci.bit()
            | Section::Top.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `collect`.
pub type CollectFlags = SettingFlags<
    {
        Section::Store.bit()
            | Section::Targets.bit()
            | Section::Collect.bit()
            | Section::Kubernetes.bit()
            | Section::WithoutCluster.bit()
            | Section::Devices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `budget check`, `explain` and `init`: sources, what figures depend on, and budgets. Their windows follow
/// from the budgets.
pub type BudgetFlags = SettingFlags<
    {
        Section::Prometheus.bit()
            | Section::Kubernetes.bit()
            | Section::WithoutCluster.bit()
            | Section::Clusters.bit()
            | Section::Replay.bit()
            | Section::Store.bit()
            | Section::Budgets.bit()
            | Section::Ci.bit()
            | Section::Top.bit()
            | Section::Output.bit()
            | Section::Policy.bit()
            | Section::Devices.bit()
            | Section::Strictness.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `budget list`, which reads no data.
pub type BudgetListFlags = SettingFlags<
    {
        Section::Budgets.bit()
            | Section::Output.bit()
            | Section::Prices.bit()
            | Section::General.bit()
    },
>;
/// Flags of `prices list`.
pub type PriceFlags = SettingFlags<{ Section::Prices.bit() | Section::General.bit() }>;
/// Flags of `config show`: all of them.
pub type AllFlags = SettingFlags<{ u32::MAX }>;
/// Flags of the commands that need no setting but how to talk.
pub type TalkFlags = SettingFlags<{ Section::General.bit() }>;

/// What was typed of the settings in `SECTIONS`, by setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingFlags<const SECTIONS: u32>(pub Typed);

/// Values on the command line, by the setting's id.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed(BTreeMap<&'static str, Vec<String>>);

impl Typed {
    /// The values of a setting, if it was typed.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Vec<String>> {
        self.0.get(id)
    }
}

impl FromIterator<(&'static str, String)> for Typed {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(values: I) -> Self {
        let mut typed = Self::default();
        for (id, value) in values {
            typed.0.entry(id).or_default().push(value);
        }
        typed
    }
}

/// Names alone: a value may be a secret.
impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn settings(sections: u32) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |s| s.section.bit() & sections != 0)
}

impl<const SECTIONS: u32> Args for SettingFlags<SECTIONS> {
    fn augment_args(command: Command) -> Command {
        settings(SECTIONS).fold(command, |command, setting| command.arg(argument(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const SECTIONS: u32> FromArgMatches for SettingFlags<SECTIONS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = settings(SECTIONS)
            .filter(|s| matches.value_source(s.id) == Some(ValueSource::CommandLine))
            .flat_map(|s| {
                matches.get_many(s.id).into_iter().flatten().map(|v: &String| (s.id, v.clone()))
            })
            .collect();
        Ok(Self(typed))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.0.extend(Self::from_arg_matches(matches)?.0.0);
        Ok(())
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.id)
        .long(setting.id)
        .value_name(setting.value_name)
        .help(format!("{}. {}", setting.help, provenance(setting)))
        .help_heading(setting.section.heading())
        .hide(setting.hidden);
    let arg = match setting.short {
        Some(short) => arg.short(short),
        None => arg,
    };
    match setting.kind {
        // `--strict=false` lets a flag overrule the environment and the config file.
        Kind::Switch => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        // A negative number reaches the reader, which says what is wrong with it.
        Kind::One if setting.choices.is_empty() => {
            arg.action(ArgAction::Set).allow_negative_numbers(true)
        }
        Kind::One => {
            arg.action(ArgAction::Set).value_parser(PossibleValuesParser::new(setting.choices))
        }
        Kind::Many => arg.action(ArgAction::Append),
    }
}

fn provenance(setting: &Setting) -> String {
    let default = setting.default_text().replace('\n', ", ");
    format!("[default: {default}] [env: {}]", setting.env())
}
