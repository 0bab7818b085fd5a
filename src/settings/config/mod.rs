//! The config file: read, checked against its sections, and looked up by dotted key.
//!
//! What a key means is `settings::catalogue`; this room knows YAML, places and typing mistakes.

pub mod budget_sections;
pub mod sections;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layers::Environment;
use crate::error::{Error, Result};
use sections::ConfigFile;

/// Largest config file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A config file's content, or none.
#[derive(Clone, Default)]
pub struct Config {
    path: Option<PathBuf>,
    file: ConfigFile,
    tree: Value,
}

/// The path alone: the content may hold secrets.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the file that is named, or the default one if it exists.
    ///
    /// # Errors
    ///
    /// A usage error that names the file, and line and key where there is one.
    pub fn find(named: Option<&Path>, environment: &Environment) -> Result<Self> {
        match named {
            Some(path) => Self::read(path),
            None => match default_path(environment).filter(|p| p.is_file()) {
                Some(path) => Self::read(&path),
                None => Ok(Self::default()),
            },
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let refuse = |what: String| {
            Error::usage(format!("config file {}: {what}", path.display()))
                .hinted("`gpu-finops config show` tells which file is read")
        };
        let mut text = String::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
        match read {
            Err(e) => return Err(refuse(format!("cannot be read: {e}"))),
            Ok(n) if n as u64 > MAX_BYTES => return Err(refuse("is larger than 1 MiB".into())),
            Ok(_) => {}
        }
        Self::parse(path, &text)
    }

    /// Parses a config file's text; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`Config::find`].
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let file: Option<ConfigFile> = serde_saphyr::from_str(text).map_err(|e| {
            Error::usage(format!("config file {}: {}", path.display(), explain(&e)))
        })?;
        let file = file.unwrap_or_default();
        let tree = serde_json::to_value(&file)
            .map_err(|e| Error::failed("cannot look into the config file").caused_by(e))?;
        Ok(Self { path: Some(path.to_owned()), file, tree })
    }

    /// The file, when one was read.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Its sections.
    #[must_use]
    pub const fn file(&self) -> &ConfigFile {
        &self.file
    }

    /// The scalars below a dotted key as text: one, several, or `name: value` for a map.
    /// `None` where the key is absent or holds something with more structure.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Vec<String>> {
        match key.split('.').try_fold(&self.tree, |at, part| at.get(part))? {
            Value::Array(items) => items.iter().map(scalar).collect(),
            Value::Object(map) => {
                map.iter().map(|(k, v)| Some(format!("{k}: {}", scalar(v)?))).collect()
            }
            value => scalar(value).map(|text| vec![text]),
        }
    }

    /// A usage error about the value at a key of this file.
    #[must_use]
    pub fn refuse(&self, key: &str, what: &str) -> Error {
        let path = self.path().unwrap_or_else(|| Path::new("")).display();
        Error::usage(format!("config file {path}: `{key}`: {what}"))
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `$XDG_CONFIG_HOME/gpu-finops/config.yaml`, or the same under `~/.config`.
#[must_use]
pub fn default_path(environment: &Environment) -> Option<PathBuf> {
    let folder = match environment.get("XDG_CONFIG_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(environment.get("HOME")?).join(".config"),
    };
    Some(folder.join("gpu-finops").join("config.yaml"))
}

/// A parser's error in words: line, key, nearest key. Never a line of the file, for it may hold a secret.
pub(super) fn explain(error: &serde_saphyr::Error) -> String {
    let error = error.without_snippet();
    let place = error.location().map(|at| format!("line {}: ", at.line())).unwrap_or_default();
    let what = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key `{field}`{}", suggestion(field, expected))
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown value `{variant}`{}", suggestion(variant, expected))
        }
        other => without_place(&other.to_string()),
    };
    format!("{place}{what}")
}

/// The parser ends its messages with the place, which is already said.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

fn suggestion(given: &str, known: &[&str]) -> String {
    // Two letters swapped in a short key (`ulr`) share little by any measure of whole words.
    let likeness = |key: &str| match strsim::osa_distance(given, key) {
        ..=1 => 1.0,
        _ => strsim::jaro_winkler(given, key),
    };
    let nearest = known
        .iter()
        .map(|k| (likeness(k), k))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, key)) => format!("; did you mean `{key}`?"),
        None => format!("; known here: {}", known.join(", ")),
    }
}
