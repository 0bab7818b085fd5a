//! Claims for people: the verdict, every claim in a row, what to do about the leftovers.

use super::super::RenderOptions;
use super::super::format::{UNKNOWN, count, decimal, money_alone, plural};
use super::value::{Value, column};
use super::{Block, Grid, GridColumn, GridRow, Item, Tone, len, shown};
use crate::claims::Class;
use crate::claims::contract::{ClaimRow, ClaimsReport, ClassTotal, DeviceRow};

/// From this rank on a column is shown in wide output only.
const WIDE: u8 = 10;
/// Columns of a terminal from which on there is room for more than figures.
const ROOMY: usize = 100;
/// Most problems that are spelled out unless everything is asked for.
const PROBLEMS: usize = 10;
const SECONDS_PER_HOUR: f64 = 3_600.0;

/// The document for a report on claims.
pub(in super::super) fn build(report: &ClaimsReport, options: &RenderOptions) -> Vec<Block> {
    let mut blocks =
        vec![Block::Title(format!("Resource claims at {}", report.generated_at)), verdict(report)];
    blocks.extend(scope(report).map(|text| Block::Note(Tone::Warn, text)));
    blocks.extend(unknown(report).map(|text| Block::Note(Tone::Warn, text)));
    blocks.extend(about_use(report).map(|text| Block::Note(Tone::Muted, text)));
    if !report.claims.is_empty() {
        blocks.push(Block::Heading("Claims, leftovers first".to_owned()));
        blocks.push(Block::Grid(grid(report, options)));
        let text = "GPUs = physical GPUs held, as the sum of shares; cost = of these, for 24 hours; \
                    ! = not settled: young, still in use, or not seen from all sides.";
        blocks.push(Block::Note(Tone::Muted, text.to_owned()));
    }
    let (leftover, idle) = (Class::is_leftover, |class| class == Class::IdleButReserved);
    blocks.extend(advice("Leftovers: why, and what to do", report, leftover, options));
    blocks.extend(advice("Idle but reserved: why, and what to do", report, idle, options));
    blocks.extend(problems(&report.coverage.missing(), options));
    blocks
}

/// What devices of a claim have in common, without repetition, in order.
pub(in super::super) fn distinct<'a>(
    claim: &'a ClaimRow,
    read: fn(&'a DeviceRow) -> Option<&'a str>,
) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in claim.devices.iter().filter_map(read) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `15 claims; 3 stale hold 3.0 GPUs, $123.45 a day; 1 unused holds nothing`.
fn verdict(report: &ClaimsReport) -> Block {
    if report.claims.is_empty() {
        return nothing(report);
    }
    let leftovers: Vec<&ClaimRow> =
        report.claims.iter().filter(|claim| claim.class.is_leftover()).collect();
    let (stale, unused): (Vec<&ClaimRow>, Vec<&ClaimRow>) =
        leftovers.into_iter().partition(|claim| !claim.devices.is_empty());
    let unused_ones = match unused.len() {
        0 => String::new(),
        1 => "; 1 is unused and holds nothing".to_owned(),
        many => format!("; {} are unused and hold nothing", count(len(many))),
    };
    let idle: Vec<&ClaimRow> =
        report.claims.iter().filter(|claim| claim.class == Class::IdleButReserved).collect();
    let claims = plural(len(report.claims.len()), "claim", "claims");
    let stale_ones = match stale.is_empty() {
        true => "none is stale and holds a device".to_owned(),
        false => held(&stale, "stale", &report.currency),
    };
    let idle_ones = match idle.is_empty() {
        true => String::new(),
        false => format!("; {}", held(&idle, "idle but reserved", &report.currency)),
    };
    let tone = if stale.is_empty() && idle.is_empty() { Tone::Good } else { Tone::Warn };
    Block::Verdict(tone, format!("{claims}; {stale_ones}{idle_ones}{unused_ones}."))
}

/// Whether use was judged, while there is anything that could be idle.
fn about_use(report: &ClaimsReport) -> Option<String> {
    let usage = &report.coverage.usage;
    let window = usage.window.as_ref();
    let is_short = window.is_some_and(|w| w.hours * SECONDS_PER_HOUR < usage.idle_after_seconds);
    let could_be = |claim: &ClaimRow| matches!(claim.class, Class::Active | Class::IdleButReserved);
    let is_asked = report.claims.iter().any(could_be);
    (is_asked && (!usage.judged || is_short)).then(|| sentence(&usage.detail))
}

/// `3 stale hold 3.0 GPUs, $123.45 a day (1 of them not settled)`. Sums are of what is known.
fn held(stale: &[&ClaimRow], what: &str, currency: &str) -> String {
    let sum = |read: fn(&ClaimRow) -> Option<f64>| {
        let known: Vec<f64> = stale.iter().filter_map(|claim| read(claim)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>())
    };
    let (gpus, cost) = (sum(|claim| claim.share_total), sum(|claim| claim.cost_per_day));
    let unsettled = match stale.iter().filter(|claim| !claim.settled).count() {
        0 => String::new(),
        some => format!(" ({} of them not settled)", count(len(some))),
    };
    format!(
        "{} {what} {} {} {}, {} a day{unsettled}",
        count(len(stale.len())),
        if stale.len() == 1 { "holds" } else { "hold" },
        gpus.map_or_else(|| UNKNOWN.to_owned(), |gpus| decimal(gpus, 1)),
        if gpus == Some(1.0) { "GPU" } else { "GPUs" },
        money_alone(cost, currency)
    )
}

/// Why there is nothing to list: there is a difference between none and none seen.
fn nothing(report: &ClaimsReport) -> Block {
    let unread = report.coverage.sources.iter().find(|source| {
        let name = source.name.rsplit('/').next().unwrap_or_default();
        matches!(name, "resourceclaims" | "resource.k8s.io")
            && !matches!(source.status.as_str(), "ok" | "empty")
    });
    let is_all = report.scope.namespaces.is_empty() && report.scope.classes.is_empty();
    match unread {
        Some(source) => {
            let text = format!("No resource claim was read: {}: {}", source.name, source.detail);
            Block::Verdict(Tone::Bad, text)
        }
        None if is_all => Block::Verdict(Tone::Good, "There is no resource claim.".to_owned()),
        None => Block::Verdict(Tone::Good, "No resource claim is in scope.".to_owned()),
    }
}

/// In words, which claims are listed; `None` when all are.
fn scope(report: &ClaimsReport) -> Option<String> {
    let mut parts = Vec::new();
    if !report.scope.namespaces.is_empty() {
        parts.push(format!("namespace {}", report.scope.namespaces.join(" or ")));
    }
    if !report.scope.classes.is_empty() {
        let names: Vec<&str> = report.scope.classes.iter().map(|class| class.name()).collect();
        parts.push(format!("class {}", names.join(" or ")));
    }
    (!parts.is_empty()).then(|| format!("Limited to {}.", parts.join(", ")))
}

/// What the sums leave out.
fn unknown(report: &ClaimsReport) -> Option<String> {
    let sum = |read: fn(&ClassTotal) -> u32| report.totals.iter().map(read).map(u64::from).sum();
    let (shares, costs): (u64, u64) = (sum(|t| t.without_share), sum(|t| t.without_cost));
    let of_shares = match shares {
        0 => String::new(),
        _ => format!(" and the GPUs of {}", count(shares)),
    };
    (costs > 0).then(|| {
        let claims = plural(costs, "claim", "claims");
        format!("Sums leave out the cost of {claims}{of_shares} (? below): see the problems.")
    })
}

fn grid(report: &ClaimsReport, options: &RenderOptions) -> Grid {
    let visible = shown(report.claims.len(), options.top);
    let claims = &report.claims[..visible];
    let figures = |read: fn(&ClaimRow) -> Value| {
        column(&claims.iter().map(read).collect::<Vec<_>>(), &report.currency)
    };
    let text = |header, rank| GridColumn { header, right: false, rank, flexible: true };
    let number = |header, rank| GridColumn { header, right: true, rank, flexible: false };
    let fixed = |header, rank| GridColumn { header, right: false, rank, flexible: false };
    // In a narrow table the names of claims come before everything that is said of them.
    let roomy = |rank: u8| if options.width < ROOMY { WIDE } else { rank };
    let columns: Vec<(GridColumn, Vec<String>)> = vec![
        (text("claim", 0), figures(|c| Value::Text(format!("{}/{}", c.namespace, c.name)))),
        (fixed("class", 0), figures(class)),
        (number("GPUs", 0), figures(|c| Value::Text(gpus(c.share_total)))),
        (number("cost/day", 0), figures(|c| Value::Money(c.cost_per_day))),
        (number("age", 1), figures(|c| Value::Duration(c.age_seconds))),
        (text("node", roomy(4)), figures(|c| joined(&distinct(c, |d| d.node.as_deref())))),
        (text("model", roomy(5)), figures(|c| joined(&distinct(c, |d| d.model.as_deref())))),
        (text("devices", roomy(2)), figures(|c| Value::Text(devices(c)))),
        (text("holders", roomy(3)), figures(|c| Value::Text(holders(c)))),
        (text("tenant", roomy(6)), figures(|c| Value::name(c.tenant.as_deref()))),
        (text("idle since", WIDE), figures(idle_since)),
        (text("owner", WIDE), figures(owner)),
        (text("uid", WIDE), figures(|c| Value::name(c.uid.as_deref()))),
        (text("device UUIDs", WIDE), figures(|c| joined(&distinct(c, |d| d.uuid.as_deref())))),
        (text("why", WIDE), figures(|c| Value::Text(c.why.clone()))),
    ];
    let rows = claims.iter().enumerate().map(|(i, claim)| GridRow {
        cells: columns.iter().map(|(_, texts)| texts[i].clone()).collect(),
        tone: match claim.class {
            class if class.is_leftover() || class == Class::IdleButReserved => Tone::Warn,
            _ => Tone::Plain,
        },
        ruled: i > 0 && !claim.class.is_leftover() && claims[i - 1].class.is_leftover(),
    });
    Grid {
        rows: rows.collect(),
        columns: columns.iter().map(|(column, _)| column.clone()).collect(),
    }
}

fn class(claim: &ClaimRow) -> Value {
    let mark = if claim.settled { "" } else { " !" };
    Value::Text(format!("{}{mark}", claim.class))
}

/// Three digits tell a slice of a seventh from one of an eighth.
fn gpus(share: Option<f64>) -> String {
    share.map_or_else(|| UNKNOWN.to_owned(), |share| decimal(share, 3))
}

fn joined(names: &[&str]) -> Value {
    Value::Text(names.join(", "))
}

/// Devices by name; the pool, which is mostly the node, stands in a column of its own.
fn devices(claim: &ClaimRow) -> String {
    claim.devices.iter().map(|device| device.device.as_str()).collect::<Vec<_>>().join(", ")
}

fn holders(claim: &ClaimRow) -> String {
    let name = |holder: &crate::claims::contract::HolderRow| {
        let state = if holder.state.is_alive() { "" } else { holder.state.name() };
        match state {
            "" => holder.name.clone(),
            state => format!("{} ({state})", holder.name),
        }
    };
    claim.holders.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn idle_since(claim: &ClaimRow) -> Value {
    let usage = claim.usage.as_ref();
    Value::Text(usage.and_then(|usage| usage.idle_since.clone()).unwrap_or_default())
}

fn owner(claim: &ClaimRow) -> Value {
    let name = claim.owner.as_ref().map(|owner| format!("{} {}", owner.kind, owner.name));
    Value::Text(name.unwrap_or_default())
}

/// Every claim of some classes with its reason and what to do.
fn advice(
    heading: &str,
    report: &ClaimsReport,
    wanted: fn(Class) -> bool,
    options: &RenderOptions,
) -> Vec<Block> {
    let claims: Vec<&ClaimRow> = report.claims.iter().filter(|c| wanted(c.class)).collect();
    if claims.is_empty() {
        return Vec::new();
    }
    let visible = shown(claims.len(), options.top);
    let item = |claim: &&ClaimRow| {
        Block::Item(Item {
            tone: if claim.settled { Tone::Warn } else { Tone::Plain },
            head: format!("{}/{}: {}", claim.namespace, claim.name, claim.class),
            body: sentence(&claim.why),
            foot: format!("To do: {}.", claim.action),
        })
    };
    let heading = Block::Heading(heading.to_owned());
    std::iter::once(heading).chain(claims[..visible].iter().map(item)).collect()
}

/// Our own words as a sentence; names are never at its start.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

fn problems(problems: &[String], options: &RenderOptions) -> Vec<Block> {
    if problems.is_empty() {
        return Vec::new();
    }
    let visible = if options.wide { problems.len() } else { shown(problems.len(), PROBLEMS) };
    let mut blocks = vec![Block::Heading("Problems".to_owned())];
    blocks.extend(problems[..visible].iter().map(|text| Block::Note(Tone::Warn, text.clone())));
    if visible < problems.len() {
        let text = format!("… {} more: see -o json", count(len(problems.len() - visible)));
        blocks.push(Block::Note(Tone::Muted, text));
    }
    blocks
}
