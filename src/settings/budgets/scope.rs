//! What a budget is about.

use regex::Regex;

use super::{Checked, at, missing};
use crate::budget::define::{Conditions, Scope};
use crate::settings::config::budget_sections::BudgetScopeSection;
use crate::settings::prices::model_pattern;
use crate::settings::{parse, selector};

/// The scope, and the same in words.
pub(super) fn scope(section: Option<&BudgetScopeSection>) -> Checked<(Scope, String)> {
    let nothing = || missing("scope", "give conditions, `fleet: true` or `children: true`");
    let section = section.ok_or_else(nothing)?;
    let (conditions, words) = conditions(section)?;
    let flags = (section.fleet.unwrap_or(false), section.children.unwrap_or(false));
    match (flags, words.is_empty()) {
        ((true, false), true) => Ok((Scope::Fleet, "the whole fleet".to_owned())),
        ((false, true), true) => Ok((Scope::Children, "the budgets below it".to_owned())),
        ((false, false), false) => Ok((Scope::Where(Box::new(conditions)), words.join("; "))),
        ((false, false), true) => Err(nothing()),
        _ => Err((
            "scope".to_owned(),
            "has `fleet` or `children` beside something else; give one of them".to_owned(),
        )),
    }
}

fn conditions(section: &BudgetScopeSection) -> Checked<(Conditions, Vec<String>)> {
    let mut words = Vec::new();
    let mut patterns =
        |name: &str, texts: &Option<Vec<String>>, read: fn(&str) -> parse::Read<Regex>| {
            let Some(texts) = texts else { return Ok(Vec::new()) };
            let field = format!("scope.{name}");
            if texts.is_empty() {
                return Err((field, "is an empty list; nothing would match".to_owned()));
            }
            words.push(format!("{name} {}", texts.join(" or ")));
            texts.iter().map(|text| at(&field, read(text))).collect()
        };
    let whole = parse::whole_pattern;
    let mut conditions = Conditions {
        tenants: patterns("tenants", &section.tenants, whole)?,
        namespaces: patterns("namespaces", &section.namespaces, whole)?,
        workloads: patterns("workloads", &section.workloads, whole)?,
        queues: patterns("queues", &section.queues, whole)?,
        clusters: patterns("clusters", &section.clusters, whole)?,
        models: patterns("models", &section.models, model_pattern)?,
        ..Conditions::default()
    };
    if let Some(types) = &section.capacity_types {
        let field = "scope.capacity_types";
        let known = ["on-demand", "spot", "reserved"].map(|name| (name, name));
        for text in types {
            conditions.capacity_types.push(at(field, parse::one_of(text, &known))?.to_owned());
        }
        if types.is_empty() {
            return Err((field.to_owned(), "is an empty list; nothing would match".to_owned()));
        }
        words.push(format!("capacity types {}", types.join(" or ")));
    }
    if let Some(text) = &section.selector {
        conditions.selector = at("scope.selector", selector::parse(text))?;
        words.push(format!("pods with {text}"));
    }
    Ok((conditions, words))
}
