//! What a change must not do, and what could not be told of it. Rules look at what the change adds or alters; what it
//! leaves as it was is not its business.

use regex::Regex;

use super::ask::Workload;
use super::build::Sides;
use super::contract::{Change, Figures, Totals, WorkloadDiff};
use super::place::line_of;
use super::verdict::number;
use super::{Increase, Rules};
use crate::ci::{Item, Rule, Severity};
use crate::cost::book::model_name;
use crate::model::manifests::Manifests;

pub(super) const MAX_INCREASE: Rule =
    Rule::fixed("max-increase", "The change costs no more a month than is allowed.");
pub(super) const FORBID_MODEL: Rule =
    Rule::fixed("forbid-model", "Nothing asks for a GPU model that is not allowed.");
pub(super) const REQUIRE_LABEL: Rule =
    Rule::fixed("require-label", "Whatever asks for GPUs says whose it is.");
pub(super) const OVER_HISTORY: Rule =
    Rule::fixed("deny-over-history", "Nothing asks for more GPUs than it had in use of late.");
pub(super) const CRON_OVERLAP: Rule =
    Rule::fixed("deny-cron-overlap", "Runs of a CronJob cannot pile up.");
pub(super) const UNREADABLE: Rule =
    Rule::fixed("unreadable-manifest", "Every document of the manifests can be read.");
pub(super) const UNKNOWN_REQUEST: Rule =
    Rule::fixed("unknown-request", "It can be told what every workload asks for.");
pub(super) const UNKNOWN_PRICE: Rule =
    Rule::fixed("unknown-price", "Everything that is asked for has a price.");
pub(super) const ABSENT: Rule = Rule::fixed("absent-base", "There is something to compare with.");

/// A workload on both sides.
pub(super) struct Touched<'a> {
    pub(super) row: WorkloadDiff,
    pub(super) before: Option<&'a Workload<'a>>,
    pub(super) after: Option<&'a Workload<'a>>,
}

/// What the rules found.
pub(super) struct Judged {
    pub(super) items: Vec<Item>,
    pub(super) not_evaluated: Vec<String>,
    pub(super) is_complete: bool,
}

/// The rules that are applied: those that are asked for, and those that always are.
pub(super) fn applied(rules: &Rules) -> Vec<Rule> {
    let asked = [
        (rules.max_increase.is_some(), MAX_INCREASE),
        (!rules.forbid_models.is_empty(), FORBID_MODEL),
        (!rules.require_labels.is_empty(), REQUIRE_LABEL),
        (rules.deny_over_history, OVER_HISTORY),
        (rules.deny_cron_overlap, CRON_OVERLAP),
    ];
    let always = [UNREADABLE, UNKNOWN_REQUEST, UNKNOWN_PRICE];
    asked.into_iter().filter(|(is_on, _)| *is_on).map(|(_, rule)| rule).chain(always).collect()
}

/// Judges a change.
pub(super) fn judge(
    touched: &[Touched<'_>],
    totals: &Totals,
    sides: Sides<'_>,
    rules: &Rules,
    currency: &str,
) -> Judged {
    let mut items = unreadable(sides.base, "before the change");
    items.extend(unreadable(sides.head, "after it"));
    let has_unreadable = !items.is_empty();
    items.extend(absent(sides.base));
    let changed: Vec<&Touched<'_>> =
        touched.iter().filter(|touched| touched.row.change != Change::Same).collect();
    let mut not_evaluated = Vec::new();
    for touched in &changed {
        items.extend(unknown(touched));
        items.extend(unpriced(touched, currency));
    }
    let has_unknown = items
        .iter()
        .any(|item| [UNKNOWN_REQUEST, UNKNOWN_PRICE].iter().any(|rule| rule.name == item.rule));
    if let Some(limit) = rules.max_increase {
        match increase(&changed, totals, limit, currency) {
            Some(item) => items.push(item),
            // What is known is within the limit, and something is not known.
            None if has_unreadable || has_unknown => {
                not_evaluated.push(MAX_INCREASE.name.to_string());
            }
            None => {}
        }
    }
    for touched in changed {
        let Some(after) = touched.after else { continue };
        let Some(figures) = &touched.row.after else { continue };
        match forbidden(touched, figures, &rules.forbid_models) {
            Ok(found) => items.extend(found),
            Err(()) => not_evaluated.push(FORBID_MODEL.name.to_string()),
        }
        items.extend(unlabelled(touched, after, &rules.require_labels));
        if rules.deny_over_history {
            items.extend(over_history(touched, figures));
        }
        if rules.deny_cron_overlap {
            items.extend(overlap(touched, after));
        }
    }
    if has_unreadable && !rules.forbid_models.is_empty() {
        not_evaluated.push(FORBID_MODEL.name.to_string());
    }
    not_evaluated.sort();
    not_evaluated.dedup();
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    Judged { items, not_evaluated, is_complete: !has_unreadable && !has_unknown }
}

fn unreadable(set: &Manifests, when: &str) -> Vec<Item> {
    let item = |problem: &crate::model::manifests::ManifestProblem| {
        let place = match problem.document {
            Some(number) => format!("{}, document {number}", problem.file),
            None => problem.file.clone(),
        };
        Item {
            severity: Severity::Warning,
            rule: UNREADABLE.name.to_string(),
            subject: place.clone(),
            message: format!("{place} cannot be read ({when}): {}", problem.detail),
            advice: "Mend the document; templates have to be rendered first (helm template, \
                     kustomize build)."
                .to_owned(),
            file: Some(problem.file.clone()),
            line: problem.line,
        }
    };
    set.problems.iter().map(item).collect()
}

fn absent(base: &Manifests) -> Option<Item> {
    (base.is_absent).then(|| Item {
        severity: Severity::Notice,
        rule: ABSENT.name.to_string(),
        subject: base.source.clone(),
        message: format!("There is nothing at {}: everything counts as new.", base.source),
        advice: "Check the path, unless the change adds it.".to_owned(),
        file: None,
        line: None,
    })
}

/// An item on a workload, at a pointer of it.
fn item(
    rule: &Rule,
    severity: Severity,
    workload: &Workload<'_>,
    at: &str,
    texts: [String; 2],
) -> Item {
    let [message, advice] = texts;
    Item {
        severity,
        rule: rule.name.to_string(),
        subject: workload.subject(),
        message,
        advice,
        file: Some(workload.manifest.file.clone()),
        line: Some(line_of(workload.manifest, at)),
    }
}

fn unknown(touched: &Touched<'_>) -> Vec<Item> {
    let Some(workload) = touched.after.or(touched.before) else { return Vec::new() };
    let said = |unknown: &super::ask::Unknown| {
        let message = format!("{}: {}.", workload.subject(), unknown.message);
        let advice = "Add what is missing to the manifests, or read the figures without it.";
        let texts = [message, advice.to_owned()];
        item(&UNKNOWN_REQUEST, Severity::Warning, workload, &unknown.at, texts)
    };
    workload.unknown.iter().map(said).collect()
}

fn unpriced(touched: &Touched<'_>, currency: &str) -> Option<Item> {
    let is_unpriced = |figures: &&Figures| figures.cost_per_month.is_none();
    let figures = touched.row.after.as_ref().or(touched.row.before.as_ref()).filter(is_unpriced)?;
    let workload = touched.after.or(touched.before)?;
    let left = figures.basis.iter().find(|text| text.starts_with("the selectors"));
    let what = match (figures.models.as_slice(), left) {
        _ if workload.hours.per_month.is_none() => {
            format!("which the hours are not known: {}", workload.hours.basis)
        }
        ([], Some(left)) => format!("a model that is not decided: {left}"),
        ([], None) => "a model that nothing tells".to_owned(),
        (models, _) => format!("{}, which has no price", models.join(", ")),
    };
    let gpus = number(figures.gpus_high);
    let message = format!("{} asks for {gpus} GPUs of {what}.", workload.subject());
    let advice = format!(
        "Name the model by a node selector or --default-model, and its price in {currency} by --price MODEL=PRICE."
    );
    let at = workload.first_request().to_owned();
    Some(item(&UNKNOWN_PRICE, Severity::Warning, workload, &at, [message, advice]))
}

/// The increase, said of the workload that has the largest part in it: code scanning takes nothing without a place.
fn increase(
    changed: &[&Touched<'_>],
    totals: &Totals,
    limit: Increase,
    currency: &str,
) -> Option<Item> {
    let before = totals.before.cost_per_month_high.unwrap_or(0.0);
    let after = totals.after.cost_per_month_high.unwrap_or(0.0);
    let change = totals.cost_per_month_change.unwrap_or(after - before);
    let (allowed, words) = match limit {
        Increase::Amount(amount) => (amount, format!("{amount:.2} {currency}")),
        Increase::Share(share) => (
            share * before,
            format!("{:.2} {currency}, {}% of {before:.2}", share * before, share * 100.0),
        ),
    };
    let by = |touched: &&&Touched<'_>| touched.row.cost_per_month_change.unwrap_or(0.0);
    let most = changed.iter().max_by(|a, b| by(a).total_cmp(&by(b)));
    let most = most.and_then(|touched| Some((touched.after?, &touched.row)));
    let driver = most.map(|(workload, row)| {
        let more = row.cost_per_month_change.unwrap_or(0.0);
        format!(" Most of it: {}, {more:+.2} {currency}.", workload.subject())
    });
    let driver = driver.unwrap_or_default();
    // A cent of rounding is nobody's increase.
    (change > allowed + 0.005).then(|| Item {
        severity: Severity::Error,
        rule: MAX_INCREASE.name.to_string(),
        subject: String::new(),
        message: format!(
            "The change costs up to {change:.2} {currency} more a month; no more than {words} is allowed.{driver}"
        ),
        advice: "Ask for fewer GPUs, smaller ones or a lower bound of the autoscaler, or have the limit raised."
            .to_owned(),
        file: most.map(|(workload, _)| workload.manifest.file.clone()),
        line: most.map(|(_, row)| row.line),
    })
}

/// Models that a workload must not ask for. An error where its model is not known.
fn forbidden(
    touched: &Touched<'_>,
    figures: &Figures,
    patterns: &[Regex],
) -> Result<Vec<Item>, ()> {
    let Some(workload) = touched.after.filter(|_| !patterns.is_empty()) else {
        return Ok(Vec::new());
    };
    if figures.models.is_empty() {
        return Err(());
    }
    let is_forbidden = |model: &&String| {
        let name = model_name(model);
        patterns.iter().any(|pattern| pattern.is_match(&name) || pattern.is_match(model))
    };
    let found = figures.models.iter().filter(is_forbidden).map(|model| {
        let message = format!("{} asks for {model}, which is not allowed.", workload.subject());
        let advice = "Choose another model, or have the rule changed.".to_owned();
        item(&FORBID_MODEL, Severity::Error, workload, workload.first_request(), [message, advice])
    });
    Ok(found.collect())
}

fn unlabelled(touched: &Touched<'_>, workload: &Workload<'_>, keys: &[String]) -> Option<Item> {
    let asks = touched.row.after.as_ref().is_some_and(|figures| figures.gpus_high > 0.0);
    let has = workload.labels();
    if !asks || keys.is_empty() || keys.iter().any(|key| has.contains(key.as_str())) {
        return None;
    }
    let keys = keys.join(" or ");
    let message = format!("{} asks for GPUs and has no label {keys}.", workload.subject());
    let advice = "Add the label to its metadata or its pods' metadata.".to_owned();
    Some(item(&REQUIRE_LABEL, Severity::Error, workload, "/metadata", [message, advice]))
}

fn over_history(touched: &Touched<'_>, figures: &Figures) -> Option<Item> {
    let workload = touched.after?;
    let history = touched.row.history.as_ref()?;
    let peak = history.gpus_peak.unwrap_or(history.gpus_held);
    if figures.gpus_high <= peak.max(1.0) + 1e-9 {
        return None;
    }
    let days = history.window_hours / 24.0;
    let seen = match history.gpus_peak {
        Some(peak) => format!("its last {days:.0} days peaked at {peak:.1} in use at one time"),
        None => format!("it held {:.1} in the mean of its last {days:.0} days", history.gpus_held),
    };
    let message =
        format!("{} asks for {} GPUs; {seen}.", workload.subject(), number(figures.gpus_high));
    let advice = format!("Ask for {} GPUs, or say why more are needed.", peak.ceil().max(1.0));
    Some(item(
        &OVER_HISTORY,
        Severity::Error,
        workload,
        workload.first_request(),
        [message, advice],
    ))
}

fn overlap(touched: &Touched<'_>, workload: &Workload<'_>) -> Option<Item> {
    let spec = &workload.manifest.object["spec"];
    let is_cron = touched.row.kind == "CronJob";
    let policy = spec["concurrencyPolicy"].as_str().unwrap_or("Allow");
    let deadline = spec.pointer("/jobTemplate/spec/activeDeadlineSeconds");
    if !is_cron || policy != "Allow" || deadline.is_some() {
        return None;
    }
    let message = format!(
        "{} starts a run whether or not the last one has ended, and no run has a longest time: runs may pile up.",
        workload.subject()
    );
    let advice = "Set spec.concurrencyPolicy to Forbid or Replace, or activeDeadlineSeconds in its job template.";
    Some(item(
        &CRON_OVERLAP,
        Severity::Error,
        workload,
        "/spec/schedule",
        [message, advice.to_owned()],
    ))
}
