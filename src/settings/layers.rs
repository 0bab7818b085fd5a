//! Flag > environment > config file > default, per value, each value with its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::args::Typed;
use super::catalogue::{Kind, SETTINGS, Setting, setting};
use super::config::Config;
use super::parse::{self, Read};
use crate::error::{Error, Result};
use crate::model::policy::PriceRule;

/// Prefix of the tool's environment variables.
pub const ENV_PREFIX: &str = "GPU_FINOPS_";

/// Where a value comes from. Later variants overrule earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The config file, by key.
    Config {
        /// The file.
        path: PathBuf,
        /// Dotted key.
        key: String,
    },
    /// An environment variable, by name.
    Environment(String),
    /// The command line.
    Flag,
}

impl Origin {
    /// Precedence; the highest wins.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Config { .. } => 1,
            Self::Environment(_) => 2,
            Self::Flag => 3,
        }
    }

    /// One word, as in the report's assumptions.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Config { .. } => "config",
            Self::Environment(_) => "environment",
            Self::Flag => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Config { path, key } => write!(f, "config file {}: {key}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The environment as far as it concerns the tool, taken once at the start.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

/// Names alone: a value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// Names the environment may have besides the prefix.
    const OTHERS: &[&str] =
        &["XDG_CONFIG_HOME", "HOME", "NO_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS"];

    /// The process's environment.
    #[must_use]
    pub fn of_process() -> Self {
        let ours = |name: &str| name.starts_with(ENV_PREFIX) || Self::OTHERS.contains(&name);
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .filter(|(name, _)| ours(name))
                .collect(),
        )
    }

    /// An environment of these variables only.
    #[must_use]
    pub fn from_pairs<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect())
    }

    /// The value of a variable; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|v| !v.is_empty())
    }

    /// Variables with our prefix that look like a misspelt setting, each with what was meant.
    #[must_use]
    pub fn near_misses(&self) -> Vec<(String, String)> {
        let known: Vec<String> = SETTINGS.iter().map(Setting::env).collect();
        let near = |name: &String| {
            let best = known
                .iter()
                .map(|k| {
                    (strsim::jaro_winkler(&name[ENV_PREFIX.len()..], &k[ENV_PREFIX.len()..]), k)
                })
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            (best.0 > 0.9).then(|| (name.clone(), best.1.clone()))
        };
        let unknown = |name: &&String| name.starts_with(ENV_PREFIX) && !known.contains(*name);
        self.0.keys().filter(unknown).filter_map(near).collect()
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// All layers, ready to be asked.
#[derive(Clone, Debug)]
pub struct Layers {
    typed: Typed,
    environment: Environment,
    config: Config,
    fetched: Vec<PriceRule>,
}

impl Layers {
    /// Layers of what was typed, the environment and a config file that was read before.
    #[must_use]
    pub const fn new(typed: Typed, environment: Environment, config: Config) -> Self {
        Self { typed, environment, config, fetched: Vec::new() }
    }

    /// The same with prices that a setting names and that were fetched, most exact first.
    #[must_use]
    pub fn with_fetched_prices(self, fetched: Vec<PriceRule>) -> Self {
        Self { fetched, ..self }
    }

    /// Prices that were fetched.
    #[must_use]
    pub fn fetched_prices(&self) -> &[PriceRule] {
        &self.fetched
    }

    /// The config file.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The environment.
    #[must_use]
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The text of a setting in the highest layer that has it; empty without any.
    ///
    /// # Errors
    ///
    /// An environment variable that is not UTF-8.
    pub fn text(&self, setting: &Setting) -> Result<Sourced<Vec<String>>> {
        if let Some(values) = self.typed.get(setting.id) {
            return Ok(Sourced { value: values.clone(), origin: Origin::Flag });
        }
        if let Some(found) = environment_text(&self.environment, setting)? {
            return Ok(found);
        }
        if let Some((key, values)) = setting.key.and_then(|key| Some((key, self.config.text(key)?)))
        {
            let path = self.config.path().unwrap_or_else(|| Path::new("")).to_owned();
            return Ok(Sourced { value: values, origin: Origin::Config { path, key: key.into() } });
        }
        let value = setting.default.map(|d| split(setting, d)).unwrap_or_default();
        Ok(Sourced { value, origin: Origin::Default })
    }

    /// Where the setting with this id comes from.
    ///
    /// # Errors
    ///
    /// As [`Layers::text`].
    pub fn origin(&self, id: &str) -> Result<Origin> {
        self.text(setting(id)).map(|found| found.origin)
    }

    /// The one value of a setting, read by `parse`.
    ///
    /// # Errors
    ///
    /// A usage error that names the flag, variable or key, when `parse` refuses the text.
    pub fn one<T>(&self, id: &str, parse: impl Fn(&str) -> Read<T>) -> Result<Option<T>> {
        Ok(self.many(id, parse)?.pop())
    }

    /// All values of a setting, read by `parse`.
    ///
    /// # Errors
    ///
    /// As [`Layers::one`].
    pub fn many<T>(&self, id: &str, parse: impl Fn(&str) -> Read<T>) -> Result<Vec<T>> {
        let setting = setting(id);
        let found = self.text(setting)?;
        let name = name_at(setting, &found.origin);
        let read = |text: &String| parse(text).map_err(|e| Error::usage(format!("{name}: {e}")));
        found.value.iter().map(read).collect()
    }

    /// Whether a switch is on.
    ///
    /// # Errors
    ///
    /// As [`Layers::one`].
    pub fn switch(&self, id: &str) -> Result<bool> {
        Ok(self.one(id, parse::boolean)?.unwrap_or(false))
    }
}

/// What a setting is called in the layer where its value was found.
#[must_use]
pub fn name_at(setting: &Setting, origin: &Origin) -> String {
    match origin {
        Origin::Flag | Origin::Default => format!("`{}`", setting.flag()),
        Origin::Environment(name) => format!("environment variable `{name}`"),
        Origin::Config { path, key } => format!("config file {}: `{key}`", path.display()),
    }
}

fn environment_text(
    environment: &Environment,
    setting: &Setting,
) -> Result<Option<Sourced<Vec<String>>>> {
    let name = setting.env();
    let Some(raw) = environment.get(&name) else { return Ok(None) };
    let Some(text) = raw.to_str() else {
        return Err(Error::usage(format!("environment variable `{name}` is not valid UTF-8")));
    };
    let value = split(setting, text);
    Ok((!value.is_empty()).then_some(Sourced { value, origin: Origin::Environment(name) }))
}

fn split(setting: &Setting, text: &str) -> Vec<String> {
    match setting.kind {
        Kind::Many => {
            text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect()
        }
        Kind::Switch | Kind::One => vec![text.trim().to_owned()],
    }
}
