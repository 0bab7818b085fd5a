//! A random cluster: what is there, who has it, and how it is told.
//!
//! Each node shares its cards in one way (`plugin`, `divided`, `claims`). What is common to all ways is
//! here: pods that come and go, things with series of their own, and how much of them is told.

use std::ops::Range;

use proptest::prelude::*;
use serde_json::Value;

use super::dice::Dice;
use super::{claims, divided, plugin};

/// Scrape interval.
pub(super) const STEP: i64 = 30_000;
/// Steps in the window.
pub(super) const STEPS: i64 = 60;
/// Steps that are told of before and after the window.
pub(super) const MARGIN: i64 = 20;
/// Start of the window.
pub(super) const ORIGIN: i64 = 1_795_132_800_000;

/// Instant of a step.
pub(super) const fn at(step: i64) -> i64 {
    ORIGIN + step * STEP
}

/// How a node shares its cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Exclusive,
    MigMixed,
    MigSingle,
    Slicing,
    Mps,
    MigReplicas,
    DraWhole,
    DraPartitions,
    DraCapacity,
    Hami,
    Kai,
    Passthrough,
}

impl Kind {
    pub(super) const ALL: [Self; 12] = [
        Self::Exclusive,
        Self::MigMixed,
        Self::MigSingle,
        Self::Slicing,
        Self::Mps,
        Self::MigReplicas,
        Self::DraWhole,
        Self::DraPartitions,
        Self::DraCapacity,
        Self::Hami,
        Self::Kai,
        Self::Passthrough,
    ];
}

/// How the cluster is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// The witnesses agree with each other, as far as each can.
    pub(super) orderly: bool,
    pub(super) kube_state: bool,
    /// Objects come from a live server, not from files.
    pub(super) listed: bool,
    pub(super) honor_labels: bool,
    pub(super) pod_uid: bool,
}

/// What is told of a thing that several pods have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// One pod, whichever was written last.
    OnePod,
    /// The thing's value under each pod's name.
    Copies,
    /// The card's row, and a row of its own for each pod.
    PerProcess,
}

/// A pod, from one step to another.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) id: usize,
    pub(super) namespace: String,
    pub(super) node: String,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) requests: Vec<(String, u32)>,
    pub(super) claims: Vec<String>,
    /// The claim that the scheduler made for its request.
    pub(super) extended: Option<String>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) owner: Option<String>,
    /// Device series name it.
    pub(super) named: bool,
    pub(super) in_metrics: bool,
    pub(super) is_object: bool,
}

/// The claim and device that a series names.
#[derive(Debug, Clone)]
pub(super) struct ClaimLabel {
    pub(super) name: String,
    pub(super) pool: String,
    pub(super) device: String,
}

/// Who is on a thing.
#[derive(Debug, Clone)]
pub(super) struct Occupant {
    /// Position of the pod.
    pub(super) pod: usize,
    pub(super) claim: Option<ClaimLabel>,
    pub(super) vgpu: Option<usize>,
}

/// A card or an instance of one.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) uuid: String,
    pub(super) node: String,
    pub(super) card: usize,
    pub(super) model: &'static str,
    pub(super) memory_mib: u32,
    pub(super) instance: Option<(u32, String)>,
    pub(super) occupants: Vec<Occupant>,
    pub(super) tells: Tells,
    /// Steps in which it exists.
    pub(super) there: Range<i64>,
    /// Steps in which nothing is told of it.
    pub(super) outage: Range<i64>,
    pub(super) seed: u64,
}

/// A node as kube-state-metrics and the API server show it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) resources: Vec<(String, u32)>,
    /// Few CPUs: what is free of its GPUs may be out of reach.
    pub(super) cpus: u32,
    pub(super) cordoned: Option<Range<i64>>,
    pub(super) is_object: bool,
}

/// Everything.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) watch: Watch,
    pub(super) nodes: Vec<Node>,
    pub(super) pods: Vec<Pod>,
    pub(super) things: Vec<Thing>,
    /// Claims and slices, with the pods that a claim is reserved for.
    pub(super) others: Vec<(Value, Vec<usize>)>,
    /// Factor by which pods are renamed (`objects`): 1 leaves them as they are.
    pub(super) names: usize,
}

/// One line for each thing: what a failure is read from.
impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}", self.watch)?;
        self.nodes.iter().try_for_each(|node| writeln!(f, "{node:?}"))?;
        for Pod { id, namespace, node, from, to, requests, claims, .. } in &self.pods {
            let Pod { named, in_metrics, is_object, extended, .. } = &self.pods[*id];
            write!(
                f,
                "#{id} {namespace} on {node} {from}..{to}: {requests:?} {claims:?} {extended:?} "
            )?;
            writeln!(f, "named {named}, in metrics {in_metrics}, object {is_object}")?;
        }
        for Thing { uuid, instance, occupants, tells, there, outage, .. } in &self.things {
            let who: Vec<_> = occupants.iter().map(|o| (o.pod, o.vgpu)).collect();
            writeln!(f, "{uuid} {instance:?} {tells:?} {there:?} out {outage:?}: {who:?}")?;
        }
        let mut claims = self.others.iter().filter(|(o, _)| o["kind"] != "ResourceSlice");
        claims.try_for_each(|(o, pods)| writeln!(f, "{o} for {pods:?}"))
    }
}

/// A node that is being told.
pub(super) struct Story<'a> {
    pub(super) dice: Dice,
    pub(super) cluster: &'a mut Cluster,
    pub(super) name: String,
    pub(super) tells: Tells,
    pub(super) outage: Range<i64>,
}

const NAMESPACES: [&str; 3] = ["red", "blue", "green"];

impl Story<'_> {
    pub(super) fn orderly(&self) -> bool {
        self.cluster.watch.orderly
    }

    /// Lives one after another: of pods on one place, or of one place.
    pub(super) fn lives(&mut self, begin: i64, end: i64) -> Vec<Range<i64>> {
        let mut out = Vec::new();
        let mut from = begin + self.dice.between(0, 25);
        // A pod that is there for less than metrics may lag is seen by some witnesses and not by others.
        let shortest = if self.orderly() { 8 } else { 1 };
        while from < end && out.len() < 4 {
            let to = (from + self.dice.between(shortest, 50)).min(end);
            if to - from >= shortest {
                out.push(from..to);
            }
            from = to + if self.dice.chance(30) { 0 } else { self.dice.between(1, 15) };
        }
        out
    }

    /// A pod that asks for `requests` in this life.
    pub(super) fn pod(&mut self, life: &Range<i64>, requests: &[(&str, u32)]) -> usize {
        let namespace = self.dice.pick(&NAMESPACES).to_owned();
        self.pod_in(namespace, life, requests)
    }

    pub(super) fn pod_in(
        &mut self,
        namespace: String,
        life: &Range<i64>,
        requests: &[(&str, u32)],
    ) -> usize {
        let watch = self.cluster.watch;
        let id = self.cluster.pods.len();
        let owner = self.dice.chance(60).then(|| format!("web-{}", self.dice.below(3)));
        let (named, in_metrics, is_object) = match self.dice.below(6) {
            0 | 1 => (true, true, true),
            2 => (true, true, false),
            3 => (true, false, true),
            4 => (self.orderly(), true, self.orderly()),
            _ => (self.orderly(), self.orderly(), true),
        };
        self.cluster.pods.push(Pod {
            id,
            namespace,
            node: self.name.clone(),
            from: life.start,
            to: life.end,
            requests: requests.iter().map(|(r, n)| ((*r).to_owned(), *n)).collect(),
            claims: Vec::new(),
            extended: None,
            labels: Vec::new(),
            annotations: Vec::new(),
            owner,
            named,
            in_metrics: in_metrics && watch.kube_state,
            // Whom only an exporter knows is lost when it falls silent: nobody can say until when it stayed.
            is_object: is_object || watch.orderly && !watch.kube_state,
        });
        id
    }

    pub(super) fn node(&mut self, labels: &[(&str, String)], resources: &[(&str, u32)]) -> usize {
        let start = self.dice.between(-5, STEPS);
        let cordoned = self.dice.chance(15).then(|| start..start + self.dice.between(4, 40));
        // Without its object and without kube-state-metrics nobody tells how a node's cards are shared.
        let is_object = self.orderly() || self.dice.chance(80);
        self.cluster.nodes.push(Node {
            name: self.name.clone(),
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            annotations: Vec::new(),
            resources: resources.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect(),
            cpus: if self.dice.chance(20) { 3 } else { 64 },
            cordoned,
            is_object,
        });
        self.cluster.nodes.len() - 1
    }

    pub(super) fn card(&mut self, card: usize, model: &'static str, memory_mib: u32) -> Thing {
        Thing {
            uuid: format!("GPU-{}-{card}", self.name),
            node: self.name.clone(),
            card,
            model,
            memory_mib,
            instance: None,
            occupants: Vec::new(),
            tells: self.tells,
            there: -MARGIN..STEPS + MARGIN,
            outage: self.outage.clone(),
            seed: u64::try_from(self.dice.below(1 << 30)).expect("small"),
        }
    }

    pub(super) fn show(&mut self, thing: Thing) {
        self.cluster.things.push(thing);
    }
}

pub(super) const fn on(pod: usize, vgpu: Option<usize>) -> Occupant {
    Occupant { pod, claim: None, vgpu }
}

fn build(kinds: &[(Kind, u64)], watch: Watch) -> Cluster {
    let mut cluster = Cluster {
        watch,
        nodes: Vec::new(),
        pods: Vec::new(),
        things: Vec::new(),
        others: Vec::new(),
        names: 1,
    };
    for (n, &(kind, seed)) in kinds.iter().enumerate() {
        let mut dice = Dice::new(seed);
        let tells = match dice.below(3) {
            // Which of several pods is named depends on nothing that a report could know.
            0 if !watch.orderly => Tells::OnePod,
            0 | 1 => Tells::Copies,
            _ => Tells::PerProcess,
        };
        let start = dice.between(-10, STEPS);
        // Pods of claims that are gone are known to the exporter alone (see `pod_in`).
        let is_alone = matches!(kind, Kind::DraWhole | Kind::DraPartitions | Kind::DraCapacity);
        let is_out = dice.chance(30) && !(watch.orderly && is_alone);
        let outage = if is_out { start..start + dice.between(6, 14) } else { 0..0 };
        let name = format!("n{n}");
        let story = Story { dice, cluster: &mut cluster, name, tells, outage };
        match kind {
            Kind::Exclusive => plugin::exclusive(story),
            Kind::MigMixed => plugin::mig_mixed(story, 1),
            Kind::MigSingle => plugin::mig_single(story),
            Kind::Slicing => plugin::replicas(story, "time-slicing"),
            Kind::Mps => plugin::replicas(story, "mps"),
            Kind::MigReplicas => plugin::mig_mixed(story, 2),
            Kind::DraWhole => claims::whole(story),
            Kind::DraPartitions => claims::partitions(story),
            Kind::DraCapacity => claims::capacity(story),
            Kind::Hami => divided::hami(story),
            Kind::Kai => divided::kai(story),
            Kind::Passthrough => plugin::passthrough(story),
        }
    }
    cluster
}

fn of(orderly: bool) -> impl Strategy<Value = Cluster> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let seed = any::<u64>().no_shrink();
    let watch = (prop::bool::weighted(0.75), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        move |(kube_state, listed, honor_labels, pod_uid)| Watch {
            orderly,
            kube_state,
            listed,
            honor_labels,
            pod_uid,
        },
    );
    (prop::collection::vec((kind, seed), 2..=5), watch)
        .prop_map(|(kinds, watch)| build(&kinds, watch))
}

/// Any cluster: witnesses may be missing, and contradict each other.
pub(super) fn cluster() -> impl Strategy<Value = Cluster> {
    of(false)
}

/// A cluster whose witnesses do not contradict each other: whoever has a thing is named by its series
/// where an exporter can, and stays for longer than metrics may lag.
pub(super) fn orderly() -> impl Strategy<Value = Cluster> {
    of(true)
}
