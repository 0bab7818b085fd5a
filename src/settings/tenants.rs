//! Tenant rules of the config file as rules of the policy.

use super::config::Config;
use super::config::sections::{TenantKind, TenantSection};
use super::parse::any_whole_pattern;
use crate::error::Result;
use crate::model::policy::{ExplicitTenant, TenantRule};

/// The config's rules, or the built-in ones.
///
/// # Errors
///
/// A usage error that names file and key.
pub fn tenant_rules(config: &Config) -> Result<Vec<TenantRule>> {
    let Some(sections) = &config.file().tenants else { return Ok(TenantRule::defaults()) };
    if sections.is_empty() {
        return Err(config.refuse("tenants", "is an empty list; nobody would own anything"));
    }
    let numbered = sections.iter().enumerate();
    numbered
        .map(|(i, section)| {
            rule(section).map_err(|(key, what)| config.refuse(&format!("tenants[{i}]{key}"), &what))
        })
        .collect()
}

/// What is wrong: the key below the rule, and why.
type Refusal = (&'static str, String);
/// A part of a rule, or what is wrong with it.
type Checked<T> = std::result::Result<T, Refusal>;

fn rule(section: &TenantSection) -> Checked<TenantRule> {
    refuse_strays(section)?;
    match section.kind {
        TenantKind::Explicit => Ok(TenantRule::Explicit(vec![explicit(section)?])),
        TenantKind::Vcluster => Ok(TenantRule::Vcluster),
        TenantKind::Namespace => Ok(TenantRule::Namespace),
        TenantKind::QueueLabel => labels(section).map(TenantRule::QueueLabel),
        TenantKind::PodLabel => labels(section).map(TenantRule::PodLabel),
        TenantKind::NamespaceLabel => labels(section).map(TenantRule::NamespaceLabel),
    }
}

/// Keys that a rule of this kind would silently ignore.
fn refuse_strays(section: &TenantSection) -> Checked<()> {
    let explicit = section.kind == TenantKind::Explicit;
    let by_label = matches!(
        section.kind,
        TenantKind::QueueLabel | TenantKind::PodLabel | TenantKind::NamespaceLabel
    );
    let strays = [
        (".tenant", section.tenant.is_some() && !explicit),
        (".namespaces", section.namespaces.is_some() && !explicit),
        (".workloads", section.workloads.is_some() && !explicit),
        (".labels", section.labels.is_some() && !by_label),
    ];
    match strays.into_iter().find(|(_, stray)| *stray) {
        Some((key, _)) => Err((key, "means nothing for a rule of this type".to_owned())),
        None => Ok(()),
    }
}

fn explicit(section: &TenantSection) -> Checked<ExplicitTenant> {
    let tenant = section.tenant.clone().filter(|t| !t.trim().is_empty());
    let tenant = tenant.ok_or((".tenant", "is missing; name the tenant".to_owned()))?;
    let namespaces = section.namespaces.as_deref();
    let namespaces =
        namespaces.ok_or((".namespaces", "is missing; use [\".*\"] for all".to_owned()))?;
    let namespace = any_whole_pattern(namespaces).map_err(|e| (".namespaces", e))?;
    let workload = section.workloads.as_deref().map(any_whole_pattern).transpose();
    Ok(ExplicitTenant { tenant, namespace, workload: workload.map_err(|e| (".workloads", e))? })
}

/// The rule's labels, or those of the built-in rule of the same kind.
fn labels(section: &TenantSection) -> Checked<Vec<String>> {
    match &section.labels {
        Some(labels) if labels.iter().all(|l| !l.trim().is_empty()) && !labels.is_empty() => {
            Ok(labels.clone())
        }
        Some(_) => Err((".labels", "is empty; name at least one label".to_owned())),
        None => Ok(default_labels(section.kind)),
    }
}

fn default_labels(kind: TenantKind) -> Vec<String> {
    let of_kind = |rule: TenantRule| match (kind, rule) {
        (TenantKind::QueueLabel, TenantRule::QueueLabel(labels))
        | (TenantKind::PodLabel, TenantRule::PodLabel(labels))
        | (TenantKind::NamespaceLabel, TenantRule::NamespaceLabel(labels)) => Some(labels),
        _ => None,
    };
    TenantRule::defaults().into_iter().find_map(of_kind).unwrap_or_default()
}

/// Rules in a line, for `config show` and the report's assumptions.
#[must_use]
pub fn describe(rules: &[TenantRule]) -> String {
    let one = |rule: &TenantRule| match rule {
        TenantRule::Explicit(entries) => {
            let names: Vec<&str> = entries.iter().map(|e| e.tenant.as_str()).collect();
            format!("explicit:{}", names.join(","))
        }
        TenantRule::Vcluster => "vcluster".to_owned(),
        TenantRule::QueueLabel(labels) => format!("queue-label:{}", labels.join(",")),
        TenantRule::PodLabel(labels) => format!("pod-label:{}", labels.join(",")),
        TenantRule::NamespaceLabel(labels) => format!("namespace-label:{}", labels.join(",")),
        TenantRule::Namespace => "namespace".to_owned(),
    };
    rules.iter().map(one).collect::<Vec<_>>().join(" > ")
}
