//! A cluster as dcgm-exporter and kube-state-metrics show it (facts of their labels: `tests/quirk_metrics.rs`).

use std::collections::BTreeMap;

use gpu_finops::model::query::QueryKind;
use gpu_finops::model::{Inputs, MetricData, QueryId, Series, Window};

use super::cluster::{Cluster, MARGIN, Occupant, Pod, STEP, STEPS, Tells, Thing, at};
use super::dice::Dice;
use super::objects::LISTED;

/// Longest distance between two samples that are neighbours.
pub(super) const GAP: i64 = 4 * STEP;

type Labels = BTreeMap<String, String>;
type Samples = Vec<(i64, f64)>;

/// What a thing does at a step.
#[derive(Debug, Clone, Copy)]
struct Doing {
    /// Percent; `None` for a sample that is blank.
    busy: Option<u32>,
    used_mib: u32,
    /// The profiling field reads 0 whatever the thing does.
    stuck: bool,
}

const FIELDS: [QueryId; 4] =
    [QueryId::GpuUtil, QueryId::GrEngineActive, QueryId::FbUsed, QueryId::FbFree];

pub(super) fn window(from: i64, to: i64) -> Window {
    Window::new(from, to).expect("not reversed")
}

impl Cluster {
    /// What a report of the whole window reads.
    pub(super) fn inputs(&self) -> Inputs {
        self.inputs_of(window(at(0), at(STEPS)))
    }

    /// What a report of a part of the window reads: some more than it on both sides.
    pub(super) fn inputs_of(&self, window: Window) -> Inputs {
        let mut all: BTreeMap<QueryId, Vec<Series>> = BTreeMap::new();
        for thing in &self.things {
            for field in FIELDS {
                // DCGM has no such field of an instance.
                if thing.instance.is_none() || field != QueryId::GpuUtil {
                    all.entry(field).or_default().extend(self.of_thing(thing, field));
                }
            }
        }
        if self.watch.kube_state {
            self.kube_state(&mut all);
        }
        let metrics = all
            .into_iter()
            .map(|(query, series)| MetricData {
                query,
                series: series.into_iter().filter_map(|s| read(s, query, window)).collect(),
                gaps: Vec::new(),
            })
            .collect();
        Inputs { window, now_ms: LISTED, metrics, facts: self.facts(None), sources: Vec::new() }
    }

    fn doing(&self, thing: &Thing) -> Vec<(i64, Doing)> {
        let mut dice = Dice::new(thing.seed);
        let mut level = dice.below(101);
        (-MARGIN..STEPS + MARGIN)
            .map(|step| {
                if dice.chance(20) {
                    level = if dice.chance(40) { 0 } else { dice.below(101) };
                }
                let busy = u32::try_from(level).expect("a percentage");
                let is_blank = dice.chance(3);
                let stuck = !self.watch.orderly && dice.chance(5);
                let loaded = busy > 0 || dice.chance(30);
                let stray = dice.chance(5);
                // Nobody there, nothing done: but for what runs beside Kubernetes.
                let is_used = self.somebody_on(thing, step) || !self.watch.orderly && stray;
                let busy = if is_used { busy } else { 0 };
                let part = if is_used && loaded { 1 + busy } else { 0 };
                let used_mib = (thing.memory_mib - 400) * part / 120 + 100;
                (step, Doing { busy: (!is_blank).then_some(busy), used_mib, stuck })
            })
            .filter(|(step, _)| thing.there.contains(step) && !thing.outage.contains(step))
            .collect()
    }

    fn somebody_on(&self, thing: &Thing, step: i64) -> bool {
        thing.occupants.iter().any(|o| {
            let pod = &self.pods[o.pod];
            pod.from <= step && step < pod.to
        })
    }

    fn of_thing(&self, thing: &Thing, field: QueryId) -> Vec<Series> {
        let has_processes = matches!(field, QueryId::GpuUtil | QueryId::FbUsed);
        let mut lines: BTreeMap<Option<usize>, Samples> = BTreeMap::new();
        for (step, doing) in self.doing(thing) {
            let here: Vec<(usize, &Occupant)> = (0..)
                .zip(&thing.occupants)
                .filter(|(_, o)| {
                    let pod = &self.pods[o.pod];
                    pod.named && pod.from <= step && step < pod.to
                })
                .collect();
            let mut add = |who: Option<usize>, value| {
                lines.entry(who).or_default().push((at(step), value));
            };
            let value = value_of(field, doing, thing);
            match thing.tells {
                _ if here.is_empty() => add(None, value),
                Tells::OnePod => add(here.last().map(|(n, _)| *n), value),
                // The card's row stands beside those of the pods only where there are virtual GPUs.
                Tells::PerProcess
                    if has_processes && here.iter().any(|(_, o)| o.vgpu.is_some()) =>
                {
                    add(None, value);
                    // A pod with two replicas has one value, under both.
                    let mut pods: Vec<usize> = here.iter().map(|(_, o)| o.pod).collect();
                    pods.dedup();
                    for (n, occupant) in &here {
                        let k = pods.iter().position(|p| *p == occupant.pod).unwrap_or(0);
                        add(Some(*n), process_value(field, doing, k, pods.len()));
                    }
                }
                Tells::Copies | Tells::PerProcess => {
                    here.iter().for_each(|(n, _)| add(Some(*n), value));
                }
            }
        }
        lines
            .into_iter()
            .map(|(who, samples)| {
                let who = who.map(|n| &thing.occupants[n]);
                series(self.device_labels(thing, who), samples)
            })
            .collect()
    }

    fn device_labels(&self, thing: &Thing, who: Option<&Occupant>) -> Labels {
        let mut out = Labels::new();
        let mut put = |key: &str, value: String| out.insert(key.to_owned(), value);
        put("UUID", thing.uuid.clone());
        put("gpu", thing.card.to_string());
        put("modelName", thing.model.to_owned());
        put("Hostname", thing.node.clone());
        if let Some((id, profile)) = &thing.instance {
            put("GPU_I_ID", id.to_string());
            put("GPU_I_PROFILE", profile.clone());
        }
        if let Some(occupant) = who {
            let pod = &self.pods[occupant.pod];
            put("namespace", pod.namespace.clone());
            put("pod", self.name_of(pod));
            put("container", "main".to_owned());
            if self.watch.pod_uid {
                put("pod_uid", pod.uid());
            }
            if let Some(number) = occupant.vgpu.filter(|_| thing.tells != Tells::OnePod) {
                put("vgpu", number.to_string());
            }
            if let Some(claim) = &occupant.claim {
                put("dra_claim_name", claim.name.clone());
                put("dra_claim_namespace", pod.namespace.clone());
                put("dra_driver_name", "gpu.nvidia.com".to_owned());
                put("dra_pool_name", claim.pool.clone());
                put("dra_device_name", claim.device.clone());
            }
        }
        let exporter = format!("nvidia-dcgm-exporter-{}", thing.node);
        self.scraped(out, ("gpu-operator", &exporter, "nvidia-dcgm-exporter"))
    }

    /// Labels of an exporter beside those of its scrape target.
    fn scraped(&self, mut own: Labels, target: (&str, &str, &str)) -> Labels {
        let (namespace, pod, container) = target;
        for (key, value) in [("namespace", namespace), ("pod", pod), ("container", container)] {
            match own.get(key).cloned() {
                Some(_) if self.watch.honor_labels => continue,
                Some(clash) => own.insert(format!("exported_{key}"), clash),
                None => None,
            };
            own.insert(key.to_owned(), value.to_owned());
        }
        own.insert("instance".to_owned(), format!("{pod}:9400"));
        own
    }

    fn kube_state(&self, all: &mut BTreeMap<QueryId, Vec<Series>>) {
        let mut add = |query, own: Labels, samples: Samples| {
            let target = ("monitoring", "kube-state-metrics-0", "kube-state-metrics");
            all.entry(query).or_default().push(series(self.scraped(own, target), samples));
        };
        let printed = |resource: &str| resource.replace(['.', '/', '-'], "_");
        for pod in self.pods.iter().filter(|p| p.in_metrics) {
            let own = self.pod_labels(pod);
            for (resource, count) in &pod.requests {
                let mut own = own.clone();
                own.insert("resource".to_owned(), printed(resource));
                own.insert("container".to_owned(), "main".to_owned());
                add(
                    QueryId::PodGpuRequests,
                    own,
                    steps(pod.from, pod.end_of_object(), f64::from(*count)),
                );
            }
            add(QueryId::PodInfo, own.clone(), steps(pod.from, pod.end_of_object(), 1.0));
            if let Some(owner) = &pod.owner {
                let mut own = own.clone();
                own.insert("owner_kind".to_owned(), "ReplicaSet".to_owned());
                own.insert("owner_name".to_owned(), owner.clone());
                own.insert("owner_is_controller".to_owned(), "true".to_owned());
                add(QueryId::PodOwner, own, steps(pod.from, pod.end_of_object(), 1.0));
            }
            if pod.is_object && !pod.is_alive() {
                let mut own = own;
                own.insert("phase".to_owned(), "Succeeded".to_owned());
                let minutes = steps(pod.to, STEPS + MARGIN, 1.0);
                let on_grid = minutes.into_iter().filter(|(t, _)| t % (2 * STEP) == 0).collect();
                add(QueryId::PodTerminal, own, on_grid);
            }
        }
        for node in &self.nodes {
            let own = Labels::from([("node".to_owned(), node.name.clone())]);
            for (resource, count) in &node.resources {
                let mut own = own.clone();
                own.insert("resource".to_owned(), printed(resource));
                for query in [QueryId::NodeCapacity, QueryId::NodeAllocatable] {
                    add(query, own.clone(), steps(-MARGIN, STEPS + MARGIN, f64::from(*count)));
                }
            }
            if let Some(cordoned) = &node.cordoned {
                let all = steps(cordoned.start, cordoned.end, 1.0);
                let on_grid = all.into_iter().filter(|(t, _)| t % (2 * STEP) == 0).collect();
                add(QueryId::NodeUnschedulable, own, on_grid);
            }
        }
    }

    fn pod_labels(&self, pod: &Pod) -> Labels {
        [
            ("namespace", pod.namespace.clone()),
            ("pod", self.name_of(pod)),
            ("uid", pod.uid()),
            ("node", pod.node.clone()),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect()
    }
}

impl Pod {
    /// Until when the pod's object was there: one that ended stays where nobody deletes it.
    fn end_of_object(&self) -> i64 {
        if self.is_object { STEPS + MARGIN } else { self.to }
    }
}

fn value_of(field: QueryId, doing: Doing, thing: &Thing) -> f64 {
    let busy = doing.busy.map(f64::from);
    match field {
        QueryId::GpuUtil => busy.unwrap_or(2_147_483_632.0),
        QueryId::GrEngineActive if doing.stuck => 0.0,
        QueryId::GrEngineActive => busy.map_or(140_737_488_355_328.0, |b| b / 100.0),
        QueryId::FbUsed => f64::from(doing.used_mib),
        _ => f64::from(thing.memory_mib - doing.used_mib),
    }
}

/// What the `k`-th of `n` pods does: those before it leave it less and less.
fn process_value(field: QueryId, doing: Doing, k: usize, n: usize) -> f64 {
    let (k, n) = (u32::try_from(k).expect("small"), u32::try_from(n).expect("small"));
    let whole = if field == QueryId::GpuUtil { doing.busy.unwrap_or(0) } else { doing.used_mib };
    let rest = if k + 1 == n { whole - (n - 1) * (whole / (n + 1)) } else { whole / (n + 1) };
    f64::from(rest)
}

fn steps(from: i64, to: i64, value: f64) -> Samples {
    (from.max(-MARGIN)..to.min(STEPS + MARGIN)).map(|step| (at(step), value)).collect()
}

fn series(labels: Labels, samples: Samples) -> Series {
    Series { labels: labels.into(), samples: samples.into_iter().collect() }
}

/// What a server is asked for: the window with two gaps before it and one after. Sizes of memory are
/// asked for at its end only.
fn read(series: Series, query: QueryId, window: Window) -> Option<Series> {
    let tail = window.end() - 15 * 60_000;
    let from = match query.kind() {
        QueryKind::Tail => tail.max(window.start()),
        _ => window.start() - 2 * GAP,
    };
    let read = from..window.end() + GAP;
    let series =
        Series { samples: series.samples().filter(|(t, _)| read.contains(t)).collect(), ..series };
    (!series.samples.is_empty()).then_some(series)
}
