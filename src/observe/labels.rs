//! Which label says what: the spellings of exporters, versions and scrape configurations.
//!
//! `honorLabels: false` turns an exporter's labels into `exported_*` and lets the plain ones name the
//! scrape target. Sources: dcgm-exporter `rendermetrics`, kube-state-metrics' metric documents.

use std::collections::BTreeSet;

use super::kube_state::PodKey;
use crate::model::dra::DeviceKey;
use crate::model::{Labels, Series};

const UUID: &[&str] = &["UUID", "uuid", "gpu_uuid"];
const HOSTNAME: &[&str] = &["Hostname", "hostname"];
const MODEL: &[&str] = &["modelName", "model_name"];
const POD: &[&str] = &["exported_pod", "pod", "pod_name"];
const NAMESPACE: &[&str] = &["exported_namespace", "namespace", "pod_namespace"];
const CONTAINER: &[&str] = &["exported_container", "container", "container_name"];

/// The first of `names` that a series has.
fn first<'a>(series: &'a Series, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| series.label(name))
}

/// A label of a kube-state-metrics series, whether the scrape honours its labels or not.
#[must_use]
pub fn kube<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    series.label(&format!("exported_{name}")).or_else(|| series.label(name))
}

/// A device's UUID. A MIG instance's series carry that of the card.
#[must_use]
pub fn uuid(series: &Series) -> Option<&str> {
    first(series, UUID)
}

/// What the exporter calls its host: a node, or the exporter's own pod.
#[must_use]
pub fn hostname(series: &Series) -> Option<&str> {
    first(series, HOSTNAME)
}

/// The GPU's model, as the driver names it.
#[must_use]
pub fn model(series: &Series) -> Option<&str> {
    first(series, MODEL)
}

/// The pod that a device's series names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodLabel {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID, where the exporter is told to print it.
    pub uid: Option<String>,
}

impl PodLabel {
    /// Whether it names this pod; UIDs count where both sides have one.
    #[must_use]
    pub fn names(&self, pod: &PodKey) -> bool {
        self.namespace == pod.namespace
            && self.name == pod.name
            && (self.uid.is_none() || pod.uid.is_none() || self.uid == pod.uid)
    }
}

/// The claim through which a pod holds a device, as the exporter's `dra_*` labels name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimLabel {
    /// Namespace of the claim.
    pub namespace: String,
    /// Name of the claim.
    pub name: String,
    /// Driver, pool and device, where all three are printed.
    pub device: Option<DeviceKey>,
}

/// The claim that a device's series names.
#[must_use]
pub fn claim(series: &Series) -> Option<ClaimLabel> {
    let device = || {
        Some(DeviceKey {
            driver: series.label("dra_driver_name")?.to_owned(),
            pool: series.label("dra_pool_name")?.to_owned(),
            device: series.label("dra_device_name")?.to_owned(),
        })
    };
    Some(ClaimLabel {
        namespace: series.label("dra_claim_namespace")?.to_owned(),
        name: series.label("dra_claim_name")?.to_owned(),
        device: device(),
    })
}

/// Tells the pods that hold devices from the exporter itself.
#[derive(Debug, Clone, Default)]
pub struct ExporterIdentity {
    /// (namespace, container) of the scrape target, learnt from series that carry both kinds of label.
    targets: BTreeSet<(String, String)>,
}

impl ExporterIdentity {
    /// Learns from all device series who the exporter is.
    #[must_use]
    pub fn learn<'a>(series: impl IntoIterator<Item = &'a Series>) -> Self {
        let targets = series
            .into_iter()
            .filter(|s| s.labels.keys().any(|k| k.starts_with("exported_")))
            .filter_map(|s| {
                Some((s.label("namespace")?.to_owned(), s.label("container")?.to_owned()))
            })
            .collect();
        Self { targets }
    }

    /// The holder that a device's series names: `None` for no label, an empty one, or the exporter.
    #[must_use]
    pub fn holder(&self, series: &Series) -> Option<PodLabel> {
        let (namespace, name) = named(series)?;
        (!self.is_exporter(series, namespace, name)).then(|| PodLabel {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: series.label("pod_uid").map(ToOwned::to_owned),
        })
    }

    fn is_exporter(&self, series: &Series, namespace: &str, pod: &str) -> bool {
        let is_old =
            series.label("exported_pod").is_none() && series.label("pod_name") == Some(pod);
        let names = if is_old { &["container_name"][..] } else { CONTAINER };
        let container = first(series, names).unwrap_or_default();
        let plain = series.label("exported_pod").is_none();
        looks_like_exporter(container)
            || looks_like_exporter(pod)
            || plain && self.targets.contains(&(namespace.to_owned(), container.to_owned()))
            || plain && hostname(series) == Some(pod)
    }
}

/// Namespace and name of the pod in a series. With `--use-old-namespace` an exporter prints `pod_name` and
/// `pod_namespace`, which clash with nothing: `pod` and `namespace` beside them are of the scrape target.
fn named(series: &Series) -> Option<(&str, &str)> {
    let old = || Some((series.label("pod_namespace")?, series.label("pod_name")?));
    match series.label("exported_pod") {
        Some(pod) => Some((first(series, NAMESPACE)?, pod)),
        None => old().or_else(|| Some((first(series, NAMESPACE)?, first(series, POD)?))),
    }
}

fn looks_like_exporter(name: &str) -> bool {
    name.contains("dcgm-exporter") || name.contains("dcgm_exporter")
}

/// The host part of a scrape target's `instance` label.
#[must_use]
pub fn instance_host(series: &Series) -> Option<&str> {
    let instance = series.label("instance")?;
    let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

/// A Kubernetes label key as kube-state-metrics prints it: every character outside
/// `[a-zA-Z0-9_]` becomes `_`, and camel case becomes snake case (`myTeam` → `label_my_team`).
#[must_use]
pub fn kube_label_name(key: &str) -> String {
    let mut out = String::from("label_");
    let mut previous_lower = false;
    for c in key.chars() {
        if c.is_ascii_uppercase() && previous_lower {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    out
}

/// A resource name as kube-state-metrics prints it (`nvidia.com/gpu` → `nvidia_com_gpu`).
#[must_use]
pub fn kube_resource_name(resource: &str) -> String {
    resource.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// The `label_*` part of a series' labels.
#[must_use]
pub fn kube_labels(series: &Series) -> Labels {
    series
        .labels
        .iter()
        .filter(|(k, v)| k.starts_with("label_") && !v.is_empty())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)]) -> Series {
        Series {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Series::default()
        }
    }

    #[test]
    fn exported_labels_win_over_the_target() {
        let both = series(&[
            ("exported_pod", "train-0"),
            ("exported_namespace", "ml"),
            ("pod", "nvidia-x7"),
            ("namespace", "gpu-operator"),
            ("container", "exporter"),
        ]);
        let bare = series(&[
            ("pod", "nvidia-k2"),
            ("namespace", "gpu-operator"),
            ("container", "exporter"),
        ]);
        let who = ExporterIdentity::learn([&both, &bare]);
        assert_eq!(who.holder(&both).map(|p| p.name), Some("train-0".into()));
        assert_eq!(who.holder(&bare), None, "the exporter's own pod is no tenant");
    }

    #[test]
    fn no_label_an_empty_one_and_the_exporter_are_nobody() {
        let who = ExporterIdentity::default();
        assert_eq!(who.holder(&series(&[("UUID", "GPU-1")])), None);
        assert_eq!(who.holder(&series(&[("pod", ""), ("namespace", "")])), None);
        assert_eq!(
            who.holder(&series(&[
                ("pod", "nvidia-dcgm-exporter-9x"),
                ("namespace", "gpu-operator")
            ])),
            None
        );
        let same = series(&[("pod", "abc"), ("namespace", "mon"), ("Hostname", "abc")]);
        assert_eq!(who.holder(&same), None);
    }

    #[test]
    fn old_spellings() {
        let old = series(&[
            ("pod_name", "a"),
            ("pod_namespace", "b"),
            ("uuid", "GPU-9"),
            ("hostname", "n1"),
        ]);
        assert_eq!(uuid(&old), Some("GPU-9"));
        assert_eq!(hostname(&old), Some("n1"));
        assert!(ExporterIdentity::default().holder(&old).is_some());
    }

    #[test]
    fn trap_19_old_spellings_beside_the_labels_of_the_target() {
        let target = [
            ("pod", "nvidia-dcgm-exporter-9x"),
            ("namespace", "gpu-operator"),
            ("container", "nvidia-dcgm-exporter"),
        ];
        let old = [("pod_name", "a"), ("pod_namespace", "b"), ("container_name", "main")];
        let who = ExporterIdentity::default();
        let holder = who.holder(&series(&[&target[..], &old].concat()));
        assert_eq!(holder.map(|p| (p.namespace, p.name)), Some(("b".into(), "a".into())));
        assert_eq!(who.holder(&series(&target)), None);
        // A scrape configuration may put a `pod_name` of its own on what it scrapes: no namespace comes with it.
        let own = [("pod", "a"), ("namespace", "b"), ("pod_name", "nvidia-dcgm-exporter-9x")];
        assert_eq!(who.holder(&series(&own)).map(|p| p.name), Some("a".into()));
    }

    #[test]
    fn kube_state_metrics_spellings() {
        assert_eq!(kube_label_name("myTeam"), "label_my_team");
        assert_eq!(kube_label_name("kueue.x-k8s.io/queue-name"), "label_kueue_x_k8s_io_queue_name");
        assert_eq!(kube_resource_name("nvidia.com/mig-1g.5gb"), "nvidia_com_mig_1g_5gb");
        assert_eq!(instance_host(&series(&[("instance", "10.0.0.1:9400")])), Some("10.0.0.1"));
        assert_eq!(instance_host(&series(&[("instance", "[fd00::1]:9400")])), Some("fd00::1"));
    }
}
