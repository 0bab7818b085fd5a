//! Settings as lines for people: `config show`, and the assumptions of a report.
//!
//! Secrets are hidden here, and nowhere else is a setting's value printed.

use super::catalogue::{SETTINGS, Section, Setting, setting};
use super::layers::{Layers, Origin};
use super::tenants;
use crate::error::Result;
use crate::model::Policy;
use crate::model::policy::PriceOrigin;

/// What stands for a secret.
const HIDDEN: &str = "<redacted>";

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Config key; the flag where there is none.
    pub key: String,
    /// Value as text, secrets hidden.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every setting with its value and origin, in the order of the catalogue.
///
/// # Errors
///
/// An environment variable that is not UTF-8.
pub fn all(layers: &Layers, policy: &Policy) -> Result<Vec<Shown>> {
    let shown = |s: &&Setting| !s.hidden || layers.origin(s.id).is_ok_and(|o| o.rank() > 0);
    let mut rows: Vec<Shown> =
        SETTINGS.iter().filter(shown).map(|s| one(layers, s)).collect::<Result<_>>()?;
    rows.push(tenant_rules(layers, policy));
    for row in rows.iter_mut().filter(|row| row.key == "prices.rules") {
        *row = price_rules(layers, policy)?;
    }
    Ok(rows)
}

/// What the figures depend on.
///
/// # Errors
///
/// As [`all`].
pub fn assumptions(layers: &Layers, policy: &Policy) -> Result<Vec<Shown>> {
    const IDS: &[&str] = &[
        "idle-below",
        "max-gap",
        "empty-memory",
        "empty-memory-ratio",
        "gpu-resource",
        "timezone",
        "currency",
        "usd-rate",
    ];
    let mut rows: Vec<Shown> =
        IDS.iter().map(|id| one(layers, setting(id))).collect::<Result<_>>()?;
    rows.push(price_rules(layers, policy)?);
    rows.push(tenant_rules(layers, policy));
    Ok(rows)
}

/// What recommendations depend on besides.
///
/// # Errors
///
/// As [`all`].
pub fn judging(layers: &Layers) -> Result<Vec<Shown>> {
    let is_judging = |setting: &&Setting| setting.section == Section::Judging;
    SETTINGS.iter().filter(is_judging).map(|setting| one(layers, setting)).collect()
}

/// What the price of a change of manifests depends on.
///
/// # Errors
///
/// As [`all`].
pub fn gate(layers: &Layers, policy: &Policy) -> Result<Vec<Shown>> {
    const IDS: &[&str] = &[
        "gpu-resource",
        "default-model",
        "job-duration",
        "shared-replicas",
        "currency",
        "usd-rate",
    ];
    let mut rows: Vec<Shown> =
        IDS.iter().map(|id| one(layers, setting(id))).collect::<Result<_>>()?;
    rows.push(price_rules(layers, policy)?);
    Ok(rows)
}

fn one(layers: &Layers, setting: &Setting) -> Result<Shown> {
    let found = layers.text(setting)?;
    let hide = |text: &String| match text.split_once(':') {
        _ if !setting.secret => text.clone(),
        Some((name, _)) => format!("{}: {HIDDEN}", name.trim()),
        None => HIDDEN.to_owned(),
    };
    let values: Vec<String> = found.value.iter().map(hide).collect();
    let value = match values[..] {
        [] => format!("({})", setting.when_unset),
        _ => values.join(", "),
    };
    let key = setting.key.map_or_else(|| setting.flag(), str::to_owned);
    Ok(Shown { key, value, origin: found.origin })
}

fn tenant_rules(layers: &Layers, policy: &Policy) -> Shown {
    Shown {
        key: "tenants".to_owned(),
        value: tenants::describe(&policy.tenant_rules),
        origin: config_origin(layers, "tenants", layers.config().file().tenants.is_some()),
    }
}

/// The price book in numbers: several layers have a part in it, the highest names the origin.
fn price_rules(layers: &Layers, policy: &Policy) -> Result<Shown> {
    let of = |origin| policy.prices.rules.iter().filter(|r| r.origin == origin).count();
    let (flag, config, built_in) =
        (of(PriceOrigin::Flag), of(PriceOrigin::Config), of(PriceOrigin::BuiltIn));
    let from_files = match of(PriceOrigin::File) {
        0 => String::new(),
        rules => format!(" {rules} from price files,"),
    };
    let mut typed = layers.origin("price")?;
    for id in ["price-book", "price-csv", "opencost"] {
        typed = typed.max(layers.origin(id)?);
    }
    Ok(Shown {
        key: "prices.rules".to_owned(),
        value: format!(
            "{flag} from --price,{from_files} {config} from the config file, {built_in} built-in"
        ),
        origin: match typed {
            Origin::Default => config_origin(layers, "prices.rules", config > 0),
            other => other,
        },
    })
}

fn config_origin(layers: &Layers, key: &str, is_given: bool) -> Origin {
    match layers.config().path() {
        Some(path) if is_given => Origin::Config { path: path.to_owned(), key: key.to_owned() },
        _ => Origin::Default,
    }
}
