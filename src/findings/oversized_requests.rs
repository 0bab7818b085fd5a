//! # What it finds
//! Pods with GPUs that request far more CPU or memory than they use.
//! # Why it matters
//! A GPU is handed out with the CPU and memory beside it: where those are spoken for, it stands there for nobody, at its full
//! price. What is requested and not used is the cheapest way to get it back.
//! # How it is judged
//! By cAdvisor's metrics of the kubelet. A CPU request must cover the `recommend.cpu_percentile` of use, a memory request its
//! peak, each with `recommend.request_margin`; the pod that uses most counts. Less is proposed where at least
//! `recommend.request_excess` of a request is of no use. It is fitted on the first `recommend.fit_share` of the window and
//! replayed on the rest: any minute short of memory refuses it. Where the requests of a node strand its free GPUs, the time is
//! found in which a GPU pod of the window would have fitted beside the smaller ones.
//! # What it changes
//! CPU and memory requests of the pod template, of all containers together. Savings are the stranded GPU-hours that become
//! usable; they stand beside the total, because what nobody holds is no waste. Where no GPU becomes usable they are 0.
//! # Limits
//! Use is known as the mean of five minutes for CPU and every five minutes for memory: what is shorter is not seen. How several
//! containers of a pod divide it is not looked at. Without the metrics nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, History, Lease, Subject};
use super::proposal::{Draft, Freed, Verdict, not_judged};
use super::sizes::requests_row;
use crate::attribution::nodes::Node;
use crate::attribution::resolve::pieces_of;
use crate::model::{Interval, IntervalSet};
use crate::recommend::contract::{Change, Risk};
use crate::report::contract::{Basis, Severity};
use crate::sizing::requests::{Outcome, PodUse, Requests, settle};
use crate::trace::Span;
use crate::units::gpu_hours;

pub(super) const NAME: &str = "oversized-requests";

/// Namespace and name.
type Pod<'a> = (&'a str, &'a str);

pub(super) fn find(evidence: &Evidence<'_>, subject: &Subject<'_>) -> Option<Verdict> {
    let history = evidence.history.filter(|history| !history.uses.is_empty())?;
    if subject.is_stale_claim || !subject.is_alive() {
        return None;
    }
    let pods = pods(evidence, subject);
    let nodes = nodes(evidence, subject);
    let asked = asked(&nodes, &pods)?;
    let uses: Vec<PodUse> = pods.keys().map(|pod| used(history, *pod)).collect();
    let held_ms: i64 = pods.values().sum();
    if let Some(reason) = unknown(&uses, held_ms, evidence.rules.min_observed) {
        return Some(not_judged(subject, Some(NAME), reason));
    }
    let outcome = settle(&uses, asked, Span::of(evidence.window), &evidence.rules)?;
    let usable = usable(evidence, &nodes, &pods, &outcome.to);
    Some(Found { asked, outcome, usable }.verdict(evidence, subject))
}

/// Its pods, with the time for which each held GPUs, milliseconds.
fn pods<'a>(evidence: &Evidence<'a>, subject: &Subject<'a>) -> BTreeMap<Pod<'a>, i64> {
    let holders: BTreeSet<usize> = subject.leases.iter().flat_map(|l| l.holders.clone()).collect();
    let mut out: BTreeMap<Pod<'a>, i64> = BTreeMap::new();
    for h in holders {
        let holder = &evidence.attribution.holders[h].holder;
        let pod = (holder.key.namespace.as_str(), holder.key.name.as_str());
        *out.entry(pod).or_default() += holder.time.length_ms();
    }
    out
}

/// The nodes that it holds GPUs of.
fn nodes<'a>(evidence: &Evidence<'a>, subject: &Subject<'_>) -> BTreeMap<&'a str, &'a Node> {
    let names = subject.leases.iter().map(|l| evidence.attribution.devices[l.device].node.as_str());
    let node = |name: &'a str| Some((name, evidence.attribution.nodes.get(name)?));
    names.filter_map(node).collect()
}

/// Most that any of the pods requests; `None` where it is not known, or nothing.
fn asked(nodes: &BTreeMap<&str, &Node>, pods: &BTreeMap<Pod<'_>, i64>) -> Option<Requests> {
    let demands = nodes.values().flat_map(|node| &node.room.demands);
    let own = demands.filter(|demand| pods.contains_key(&(&*demand.pod.0, &*demand.pod.1)));
    let most = own.map(|demand| &demand.requests).fold(Requests::default(), |most, one| Requests {
        cpu_millicores: most.cpu_millicores.max(one.cpu_millicores),
        memory_bytes: most.memory_bytes.max(one.memory_bytes),
    });
    (most != Requests::default()).then_some(most)
}

fn used(history: History<'_>, (namespace, name): Pod<'_>) -> PodUse {
    PodUse {
        cores: history.uses.cores(namespace, name),
        memory_bytes: history.uses.memory_bytes(namespace, name),
    }
}

/// Why too little is known of use.
fn unknown(uses: &[PodUse], held_ms: i64, least: f64) -> Option<String> {
    let seen_ms = uses.iter().map(PodUse::seen_ms).sum::<i64>().min(held_ms);
    let seen = gpu_hours(seen_ms) / gpu_hours(held_ms.max(1));
    (seen < least).then(|| {
        format!(
            "its CPU and memory use are known for {:.0} % of the time that it held, less than {:.0} %",
            seen * 100.0,
            least * 100.0
        )
    })
}

/// GPUs that nobody held and nobody could use, and for how long somebody could have, milliseconds.
fn usable(
    evidence: &Evidence<'_>,
    nodes: &BTreeMap<&str, &Node>,
    pods: &BTreeMap<Pod<'_>, i64>,
    to: &Requests,
) -> BTreeMap<usize, i64> {
    let attribution = evidence.attribution;
    let window = Interval::new(evidence.window.start(), evidence.window.end());
    let mut out = BTreeMap::new();
    for (name, node) in nodes.iter().filter(|(_, node)| !node.room.full.is_empty()) {
        let full = node.room.full_with(|demand| {
            let now = (demand.requests.cpu_millicores, demand.requests.memory_bytes);
            match pods.contains_key(&(&*demand.pod.0, &*demand.pod.1)) {
                true => (now.0.min(to.cpu_millicores), now.1.min(to.memory_bytes)),
                false => now,
            }
        });
        let missing = IntervalSet::union_of(node.missing.iter().map(|(time, _)| *time));
        let room = node.room.full.minus(&full).minus(&node.broken).minus(&missing);
        let room = room.intersect(&IntervalSet::of(window));
        if room.is_empty() {
            continue;
        }
        let on_node = attribution.devices.iter().enumerate().filter(|(_, d)| d.node == **name);
        for (d, device) in on_node {
            let pieces = pieces_of(&attribution.pieces, d).iter().map(|piece| piece.time);
            let free = device.presence.minus(&IntervalSet::union_of(pieces)).intersect(&room);
            if !free.is_empty() {
                out.insert(d, free.length_ms());
            }
        }
    }
    out
}

/// What was found of a workload.
struct Found {
    asked: Requests,
    outcome: Outcome,
    usable: BTreeMap<usize, i64>,
}

impl Found {
    fn verdict(self, evidence: &Evidence<'_>, subject: &Subject<'_>) -> Verdict {
        let Outcome { to, need, proof, refusal } = &self.outcome;
        let (cpu, memory) = (
            (to.cpu_millicores < self.asked.cpu_millicores).then_some(to.cpu_millicores),
            (to.memory_bytes < self.asked.memory_bytes).then_some(to.memory_bytes),
        );
        let there: Vec<&Lease<'_>> = subject.there().collect();
        let draft = Draft {
            rule: NAME,
            subject: subject.name(),
            severity: if self.usable.is_empty() { Severity::Low } else { Severity::Medium },
            evidence: [
                ("cpu_requested_millicores".to_owned(), self.asked.cpu_millicores.into()),
                ("cpu_needed_millicores".to_owned(), need.cpu_millicores.into()),
                ("memory_requested_bytes".to_owned(), self.asked.memory_bytes.into()),
                ("memory_needed_bytes".to_owned(), need.memory_bytes.into()),
                ("usable_gpus".to_owned(), self.names(evidence).into()),
                ("stranded_gpu_hours".to_owned(), gpu_hours(self.usable.values().sum()).into()),
            ]
            .into(),
            action: self.action(cpu, memory),
            leases: if there.is_empty() { subject.leases.iter().collect() } else { there },
            freed: &|_| Freed::default(),
            gives_up: false,
            change: Change::Requests {
                cpu_millicores_from: cpu.map(|_| whole(self.asked.cpu_millicores)),
                cpu_millicores_to: cpu.map(whole),
                memory_bytes_from: memory.map(|_| whole(self.asked.memory_bytes)),
                memory_bytes_to: memory.map(whole),
            },
            risk: if memory.is_some() {
                (Risk::Medium, "a peak of memory larger than any in the window may get it evicted")
            } else {
                (Risk::Low, "it is slower where the node's CPU is all in use")
            },
            neighbours: "others may be placed beside it, and use what it did not",
            proof: Some(requests_row(proof, memory.is_some())),
            refusal: refusal.map(|refusal| refusal.words()),
            basis: Basis::Estimate,
        };
        let verdict = draft.done(subject, evidence);
        self.with_savings(evidence, verdict)
    }

    /// The time that becomes usable as savings: it is nobody's, so it is no part of what is held.
    fn with_savings(&self, evidence: &Evidence<'_>, verdict: Verdict) -> Verdict {
        let Verdict::Change(mut proposal) = verdict else { return verdict };
        let price = |d: &usize| evidence.prices[*d].as_ref().map(|price| price.per_gpu_hour);
        let money: Option<f64> =
            self.usable.iter().map(|(d, ms)| Some(price(d)? * gpu_hours(*ms))).sum();
        proposal.finding.monthly_savings = money.map(|money| evidence.per_month(money));
        proposal.monthly_gpu_hours = evidence.per_month(gpu_hours(self.usable.values().sum()));
        proposal.unstranded = self.usable.keys().copied().collect();
        Verdict::Change(proposal)
    }

    fn names(&self, evidence: &Evidence<'_>) -> Vec<String> {
        self.usable.keys().map(|d| evidence.attribution.devices[*d].id.clone()).collect()
    }

    fn action(&self, cpu: Option<i64>, memory: Option<i64>) -> String {
        let cpu = cpu
            .map(|to| format!("{} CPU instead of {}", cores(to), cores(self.asked.cpu_millicores)));
        let memory = memory.map(|to| {
            format!("{} GiB of memory instead of {}", gib(to), gib(self.asked.memory_bytes))
        });
        let parts: Vec<String> = [cpu, memory].into_iter().flatten().collect();
        let then = match self.usable.len() {
            0 => String::new(),
            1 => ": a GPU that was stranded beside it becomes usable".to_owned(),
            n => format!(": {n} GPUs that were stranded beside it become usable"),
        };
        format!("Request {} per pod{then}.", parts.join(" and "))
    }
}

fn whole(amount: i64) -> u64 {
    u64::try_from(amount).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn cores(millicores: i64) -> String {
    format!("{:.1}", millicores as f64 / 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn gib(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / 1_073_741_824.0)
}
