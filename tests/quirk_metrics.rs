//! Metrics invented for a recorded cluster: what a dcgm-exporter and kube-state-metrics would say of its
//! devices and pods, in any of the ways in which they can be set up (facts, 4.3 and 4.4).
//!
//! What the devices do is the same in all of them; only how it is told differs.

use std::collections::BTreeMap;

use gpu_finops::model::objects::{OwnerRef, PodFact};
use gpu_finops::model::{ClusterFacts, Inputs, MetricData, QueryId, Series, Window};

/// 2026-11-23T06:00:00Z, after the last change of the recorded cluster.
pub(crate) const START: i64 = 1_795_413_600_000;
/// Two hours later.
pub(crate) const END: i64 = START + 7_200_000;
const STEP: i64 = 30_000;

/// What the exporter calls its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// `Hostname`, the node.
    Old,
    /// `hostname`, the node.
    New,
    /// `Hostname`, the exporter's pod.
    ExporterPod,
    /// Nothing (`-n`).
    Absent,
}

/// What is told of replicas of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slicing {
    /// One pod, whichever was written last.
    OnePod,
    /// The card's value under each pod's name.
    Copies,
    /// The card's row, and a row of its own for each pod.
    PerProcess,
}

/// What is told of DRA devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dra {
    /// Pod and claim, a copy for each pod.
    Full,
    /// The same, for administrators' claims too.
    FullWithAdmin,
    /// Pods only: virtual GPUs and DRA together.
    PodsOnly,
    /// Nothing: an exporter that reads an API version that is not served.
    Nothing,
}

/// What is told of MIG instances that the DRA driver cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DynamicMig {
    /// No series at all.
    Dropped,
    /// Instance series without labels.
    Bare,
    /// Instance series with pod, claim and device, and no UUID of the instance.
    Named,
}

/// How the exporters and their scraping are set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) honor_labels: bool,
    pub(crate) host: Host,
    pub(crate) old_namespace: bool,
    pub(crate) pod_uid: bool,
    pub(crate) slicing: Slicing,
    pub(crate) dra: Dra,
    pub(crate) mig_pods: bool,
    pub(crate) dynamic_mig: DynamicMig,
    /// Pods on whole cards of the device plugin.
    pub(crate) card_pods: bool,
    /// Prometheus servers that scrape the same targets, some seconds apart.
    pub(crate) replicas: u32,
    /// Exporters' addresses change halfway: the pods were restarted.
    pub(crate) restarted: bool,
    pub(crate) kube_state_metrics: bool,
    /// Name of the exporter's DaemonSet; its container is called alike.
    pub(crate) exporter: &'static str,
}

/// A pod that a series names, its claim (namespace and name), and its number on the card.
type Labelled<'a> = (&'a PodFact, Option<&'a (String, String)>, usize);

impl Setup {
    /// Everything at its best.
    pub(crate) const BEST: Self = Self {
        honor_labels: true,
        host: Host::Old,
        old_namespace: false,
        pod_uid: true,
        slicing: Slicing::PerProcess,
        dra: Dra::Full,
        mig_pods: true,
        dynamic_mig: DynamicMig::Named,
        card_pods: true,
        replicas: 1,
        restarted: false,
        kube_state_metrics: true,
        exporter: "nvidia-dcgm-exporter",
    };
}

/// How a device is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Sliced,
    Instance,
    Pooled,
    PooledInstance,
}

/// A thing with series of its own.
struct Thing<'a> {
    kind: Kind,
    uuid: String,
    node: String,
    index: usize,
    model: String,
    memory_mib: f64,
    instance: Option<(usize, String)>,
    /// Who is on it, and the claim (name, device) through which.
    pods: Vec<(&'a PodFact, Option<(String, String)>)>,
    admins: Vec<(&'a PodFact, Option<(String, String)>)>,
    /// Position among all things: what it does goes by that.
    number: usize,
}

impl Thing<'_> {
    /// Use by its n-th pod at an instant, percent: busy for a part of every hour, at a level of its own.
    fn use_of(&self, pod: usize, at: i64) -> f64 {
        let minute = (at - START).rem_euclid(3_600_000) / 60_000;
        let of = |n: usize| f64::from(u32::try_from(n).expect("small"));
        let minutes = 20 + 7 * i64::try_from((self.number + pod) % 5).expect("small");
        if minute < minutes { 8.0 + of((self.number * 7 + pod * 3) % 13) } else { 0.0 }
    }

    fn use_at(&self, at: i64) -> f64 {
        (0..self.pods.len()).map(|pod| self.use_of(pod, at)).sum()
    }

    fn memory_of(&self, pod: usize) -> f64 {
        let part = 0.1 + 0.01 * f64::from(u32::try_from(pod).expect("small"));
        self.memory_mib * part
    }

    fn memory(&self) -> f64 {
        (0..self.pods.len()).map(|pod| self.memory_of(pod)).sum()
    }
}

/// A recorded cluster with invented metrics.
pub(crate) struct World<'a> {
    facts: &'a ClusterFacts,
    things: Vec<Thing<'a>>,
}

/// Model, memory in MiB and cards of the nodes of the device plugin.
const CARDS: [(&str, &str, f64, usize); 4] = [
    ("gpu-h100-1", "NVIDIA H100 80GB HBM3", 81_559.0, 8),
    ("gpu-h100-2", "NVIDIA H100 80GB HBM3", 81_559.0, 8),
    ("gpu-a100-mig", "NVIDIA A100-SXM4-80GB", 81_920.0, 4),
    ("gpu-l4-ts", "NVIDIA L4", 23_034.0, 4),
];

fn units(pod: &PodFact, resource: &str) -> usize {
    let r = &pod.requests;
    let n = r.gpus.get(resource).or_else(|| r.other_gpu_requests.get(resource));
    n.map_or(0, |n| usize::try_from(*n).expect("small"))
}

impl<'a> World<'a> {
    pub(crate) fn new(facts: &'a ClusterFacts) -> Self {
        let mut world = Self { facts, things: Vec::new() };
        for (node, model, memory_mib, cards) in CARDS {
            world.plugin(node, model, memory_mib, cards);
        }
        world.pools();
        for (number, thing) in world.things.iter_mut().enumerate() {
            thing.number = number;
        }
        world
    }

    fn on(&self, node: &str, resource: &str) -> Vec<&'a PodFact> {
        let here = self.facts.pods.iter().filter(|p| p.node.as_deref() == Some(node));
        here.flat_map(|p| std::iter::repeat_n(p, units(p, resource))).collect()
    }

    fn plugin(&mut self, node: &str, model: &str, memory_mib: f64, cards: usize) {
        let mut whole = self.on(node, "nvidia.com/gpu").into_iter();
        let mut small = self.on(node, "nvidia.com/mig-1g.10gb").into_iter();
        let mut large = self.on(node, "nvidia.com/mig-3g.40gb").into_iter();
        let sliced: Vec<_> = whole.clone().collect();
        for index in 0..cards {
            let mut add = |kind, instance: Option<(usize, &str)>, memory_mib, pods: Vec<_>| {
                self.things.push(Thing {
                    kind,
                    uuid: format!("GPU-{node}-{index}"),
                    node: node.into(),
                    index,
                    model: model.into(),
                    memory_mib,
                    instance: instance.map(|(id, profile)| (id, profile.to_owned())),
                    pods: pods.into_iter().map(|p| (p, None)).collect(),
                    admins: Vec::new(),
                    number: 0,
                });
            };
            match (node, index) {
                ("gpu-a100-mig", 0) => (7..14).for_each(|id| {
                    let pod = small.next().into_iter().collect();
                    add(Kind::Instance, Some((id, "1g.10gb")), 9_728.0, pod);
                }),
                ("gpu-a100-mig", 1) => (1..3).for_each(|id| {
                    let pod = large.next().into_iter().collect();
                    add(Kind::Instance, Some((id, "3g.40gb")), 40_192.0, pod);
                }),
                ("gpu-l4-ts", _) => {
                    let pods = sliced.iter().copied().skip(index).step_by(cards).collect();
                    add(Kind::Sliced, None, memory_mib, pods);
                }
                _ => add(Kind::Whole, None, memory_mib, whole.next().into_iter().collect()),
            }
        }
    }

    fn pools(&mut self) {
        for pool in self.facts.dra.pools.iter().filter(|p| p.driver == "gpu.nvidia.com") {
            for (position, device) in pool.devices.iter().enumerate() {
                let holders = |admin: bool| -> Vec<_> {
                    let claims = self.facts.dra.claims.iter().flat_map(|c| {
                        let given = c.allocation.iter().flat_map(|a| &a.devices);
                        given.map(move |d| (c, d))
                    });
                    claims
                        .filter(|(_, d)| {
                            d.key.pool == pool.name
                                && d.key.device == device.name
                                && d.admin_access == admin
                        })
                        .flat_map(|(c, d)| {
                            let claim = Some((c.name.clone(), d.key.device.clone()));
                            let users = self.facts.pods.iter().filter(|p| {
                                p.namespace == c.namespace
                                    && p.claims.contains(&c.name)
                                    && p.node.is_some()
                            });
                            users.map(move |p| (p, claim.clone()))
                        })
                        .collect()
                };
                let (pods, admins) = (holders(false), holders(true));
                let is_card = device.attributes.get("type").is_some_and(|t| t == "gpu");
                let is_cut = pool.devices.iter().any(|d| {
                    d.attributes.get("parentUUID") == device.attributes.get("uuid")
                        && self.facts.dra.claims.iter().flat_map(|c| &c.allocation).any(|a| {
                            a.devices
                                .iter()
                                .any(|g| g.key.pool == pool.name && g.key.device == d.name)
                        })
                });
                // A card that is cut has series of its instances only; one that is not has no instances.
                if is_card && is_cut || !is_card && pods.is_empty() {
                    continue;
                }
                let text = |name: &str| device.attributes.get(name).cloned();
                let uuid = if is_card { text("uuid") } else { text("parentUUID") };
                let profile = text("profile").map(|p| (position, p));
                let memory = device.capacity.get("memory").copied().unwrap_or(0.0);
                self.things.push(Thing {
                    kind: if is_card { Kind::Pooled } else { Kind::PooledInstance },
                    uuid: uuid.expect("the recorded pools list UUIDs"),
                    node: pool.node.clone().unwrap_or_default(),
                    index: position,
                    model: text("productName").unwrap_or_default(),
                    memory_mib: memory / 1_048_576.0,
                    instance: if is_card { None } else { profile },
                    pods,
                    admins,
                    number: 0,
                });
            }
        }
    }

    /// What a report reads of an exporter that is set up like this.
    pub(crate) fn inputs(&self, setup: &Setup) -> Inputs {
        let mut out: BTreeMap<QueryId, Vec<Series>> = BTreeMap::new();
        for thing in &self.things {
            for (query, field) in [
                (QueryId::GpuUtil, "gpu_util"),
                (QueryId::GrEngineActive, "gr_engine"),
                (QueryId::FbUsed, "fb_used"),
                (QueryId::FbFree, "fb_free"),
            ] {
                let is_part = matches!(thing.kind, Kind::Instance | Kind::PooledInstance);
                if !(is_part && query == QueryId::GpuUtil) {
                    out.entry(query).or_default().extend(setup.of_thing(thing, field));
                }
            }
        }
        if setup.kube_state_metrics {
            self.kube_state(setup, &mut out);
        }
        let metrics = out
            .into_iter()
            .map(|(query, series)| MetricData {
                query,
                series: setup.scraped(series),
                gaps: Vec::new(),
            })
            .collect();
        let mut facts = self.facts.clone();
        let exporters = self.facts.nodes.iter().map(|node| setup.exporter_object(&node.name));
        facts.pods.extend(exporters);
        facts.listed_at_ms = Some(END + 60_000);
        Inputs {
            window: Window::new(START, END).expect("not reversed"),
            now_ms: END + 600_000,
            metrics,
            facts,
            sources: Vec::new(),
        }
    }

    fn kube_state(&self, setup: &Setup, out: &mut BTreeMap<QueryId, Vec<Series>>) {
        let printed = |resource: &str| resource.replace(['.', '/', '-'], "_");
        let mut add = |query, pairs: &[(&str, &str)], value: f64| {
            let labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            out.entry(query).or_default().push(setup.of_kube_state(labels, value));
        };
        for pod in self.facts.pods.iter().filter(|p| p.node.is_some()) {
            let (uid, node) = (pod.uid.as_deref().unwrap_or_default(), pod.node.as_deref());
            let common = [
                ("namespace", pod.namespace.as_str()),
                ("pod", &pod.name),
                ("uid", uid),
                ("node", node.unwrap_or_default()),
            ];
            let requests = pod.requests.gpus.iter().chain(&pod.requests.other_gpu_requests);
            for (resource, n) in requests {
                let resource = printed(resource);
                let more = [("container", "main"), ("resource", resource.as_str())];
                add(QueryId::PodGpuRequests, &[&common[..], &more].concat(), f64::from(*n));
            }
            add(QueryId::PodInfo, &common, 1.0);
        }
        for node in &self.facts.nodes {
            for (query, counts) in [
                (QueryId::NodeCapacity, &node.gpu_capacity),
                (QueryId::NodeAllocatable, &node.gpu_allocatable),
            ] {
                for (resource, n) in counts {
                    let resource = printed(resource);
                    let pairs = [("node", node.name.as_str()), ("resource", &resource)];
                    add(query, &pairs, f64::from(*n));
                }
            }
            let (name, ip) = (setup.exporter_pod(&node.name), address(&node.name));
            let pairs = [
                ("namespace", "gpu-operator"),
                ("pod", name.as_str()),
                ("uid", &name),
                ("node", &node.name),
                ("pod_ip", &ip),
                ("created_by_kind", "DaemonSet"),
            ];
            add(QueryId::PodInfo, &pairs, 1.0);
        }
    }
}

/// Every exporter has an address of its own, the same on every run.
fn address(node: &str) -> String {
    let sum = node.bytes().fold(7_u32, |sum, b| (sum * 31 + u32::from(b)) % 60_000);
    format!("10.1.{}.{}", sum / 250, sum % 250 + 1)
}

type Named<'a, 'b> = (&'b PodFact, &'b Option<(String, String)>);

impl Setup {
    fn exporter_pod(&self, node: &str) -> String {
        format!("{}-{}", self.exporter, node.trim_start_matches("gpu-"))
    }

    /// The exporter's pod on a node, as an object.
    fn exporter_object(&self, node: &str) -> PodFact {
        PodFact {
            namespace: "gpu-operator".into(),
            name: self.exporter_pod(node),
            uid: Some(self.exporter_pod(node)),
            node: Some(node.to_owned()),
            owner: Some(OwnerRef { kind: "DaemonSet".into(), name: self.exporter.into() }),
            ..PodFact::default()
        }
    }

    /// Series of one field of one thing: who is named, and with whose value.
    fn of_thing(&self, thing: &Thing<'_>, field: &str) -> Vec<Series> {
        let own = |at: i64| match field {
            "gpu_util" => thing.use_at(at),
            "gr_engine" => thing.use_at(at) / 100.0,
            "fb_used" => thing.memory(),
            _ => thing.memory_mib - thing.memory(),
        };
        let copies = |names: Vec<Named<'_, '_>>, claims: bool| -> Vec<Series> {
            let all = names.iter().enumerate();
            all.map(|(n, (pod, claim))| {
                let claim = claim.as_ref().filter(|_| claims);
                self.series(thing, Some((pod, claim, n)), &own)
            })
            .collect()
        };
        let unnamed = || vec![self.series(thing, None, &own)];
        let pods = || thing.pods.iter().map(|(p, c)| (*p, c)).collect::<Vec<_>>();
        let or_unnamed = |s: Vec<Series>| if s.is_empty() { unnamed() } else { s };
        match thing.kind {
            Kind::Whole if self.card_pods => or_unnamed(copies(pods(), false)),
            Kind::Instance if self.mig_pods => or_unnamed(copies(pods(), false)),
            Kind::Whole | Kind::Instance => unnamed(),
            Kind::Sliced => match self.slicing {
                Slicing::OnePod => {
                    or_unnamed(copies(pods().into_iter().rev().take(1).collect(), false))
                }
                Slicing::PerProcess if matches!(field, "gpu_util" | "fb_used") => {
                    let each = thing.pods.iter().enumerate().map(|(n, (pod, _))| {
                        let its = |at: i64| match field {
                            "gpu_util" => thing.use_of(n, at),
                            _ => thing.memory_of(n),
                        };
                        self.series(thing, Some((pod, None, n)), &its)
                    });
                    unnamed().into_iter().chain(each).collect()
                }
                Slicing::Copies | Slicing::PerProcess => or_unnamed(copies(pods(), false)),
            },
            Kind::Pooled => {
                let mut names = pods();
                if self.dra == Dra::FullWithAdmin {
                    names.extend(thing.admins.iter().map(|(p, c)| (*p, c)));
                }
                match self.dra {
                    Dra::Nothing => unnamed(),
                    Dra::PodsOnly => or_unnamed(copies(names, false)),
                    Dra::Full | Dra::FullWithAdmin => or_unnamed(copies(names, true)),
                }
            }
            Kind::PooledInstance => match self.dynamic_mig {
                DynamicMig::Dropped => Vec::new(),
                DynamicMig::Bare => unnamed(),
                DynamicMig::Named => copies(pods(), true),
            },
        }
    }

    fn series(
        &self,
        thing: &Thing<'_>,
        named: Option<Labelled<'_>>,
        value: &dyn Fn(i64) -> f64,
    ) -> Series {
        let mut own: BTreeMap<String, String> = BTreeMap::new();
        let mut put = |k: &str, v: &str| own.insert(k.to_owned(), v.to_owned());
        put("gpu", &thing.index.to_string());
        put(if self.old_namespace { "uuid" } else { "UUID" }, &thing.uuid);
        put("modelName", &thing.model);
        match self.host {
            Host::Old => drop(put("Hostname", &thing.node)),
            Host::New => drop(put("hostname", &thing.node)),
            Host::ExporterPod => drop(put("Hostname", &self.exporter_pod(&thing.node))),
            Host::Absent => {}
        }
        if let Some((id, profile)) = &thing.instance {
            put("GPU_I_ID", &id.to_string());
            put("GPU_I_PROFILE", profile);
        }
        if let Some((pod, claim, n)) = named {
            let names = match self.old_namespace {
                true => ["pod_namespace", "pod_name", "container_name"],
                false => ["namespace", "pod", "container"],
            };
            put(names[0], &pod.namespace);
            put(names[1], &pod.name);
            put(names[2], "main");
            if let Some(uid) = pod.uid.as_ref().filter(|_| self.pod_uid) {
                put("pod_uid", uid);
            }
            if thing.kind == Kind::Sliced && self.slicing != Slicing::OnePod {
                put("vgpu", &n.to_string());
            }
            if let Some((claim, device)) = claim {
                put("dra_claim_name", claim);
                put("dra_claim_namespace", &pod.namespace);
                put("dra_driver_name", "gpu.nvidia.com");
                put("dra_pool_name", &thing.node);
                put("dra_device_name", device);
            }
        }
        let target = [
            ("namespace", "gpu-operator".to_owned()),
            ("pod", self.exporter_pod(&thing.node)),
            ("container", self.exporter.to_owned()),
            ("instance", format!("{}:9400", address(&thing.node))),
        ];
        self.sampled(self.joined(own, &target), value)
    }

    fn of_kube_state(&self, own: BTreeMap<String, String>, value: f64) -> Series {
        let target = [
            ("namespace", "monitoring".to_owned()),
            ("pod", "kube-state-metrics-0".to_owned()),
            ("container", "kube-state-metrics".to_owned()),
            ("instance", "10.0.0.9:8080".to_owned()),
        ];
        self.sampled(self.joined(own, &target), &|_| value)
    }

    /// Labels of an exporter beside those of its scrape target.
    fn joined(
        &self,
        mut own: BTreeMap<String, String>,
        target: &[(&str, String)],
    ) -> BTreeMap<String, String> {
        for (name, value) in target {
            if let Some(clash) = own.get(*name).cloned() {
                if self.honor_labels {
                    continue;
                }
                own.insert(format!("exported_{name}"), clash);
            }
            own.insert((*name).to_owned(), value.clone());
        }
        own
    }

    fn sampled(&self, labels: BTreeMap<String, String>, value: &dyn Fn(i64) -> f64) -> Series {
        let instants = (-20..260).map(|n| START + n * STEP);
        Series { labels: labels.into(), samples: instants.map(|at| (at, value(at))).collect() }
    }

    /// What is stored of a scrape: once for each server, in pieces where the target changed.
    fn scraped(&self, series: Vec<Series>) -> Vec<Series> {
        let mut out = Vec::new();
        for one in series {
            let pieces = if self.restarted { cut(one) } else { vec![one] };
            for piece in pieces {
                for replica in 0..self.replicas {
                    let mut copy = piece.clone();
                    if replica > 0 {
                        copy.labels.insert("prometheus_replica".into(), replica.to_string());
                        let late = 7_000 * i64::from(replica);
                        copy.samples = piece.samples().map(|(t, v)| (t + late, v)).collect();
                    }
                    out.push(copy);
                }
            }
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        out
    }
}

/// The target had one address in the first hour and another one after it.
fn cut(series: Series) -> Vec<Series> {
    let hour = START + 3_600_000;
    let mut second = series.clone();
    second.samples = series.samples.within(hour, i64::MAX);
    second.labels.insert("instance".into(), "10.9.9.9:9400".into());
    let mut first = series;
    first.samples = first.samples.within(i64::MIN, hour);
    vec![first, second]
}
