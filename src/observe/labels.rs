//! Which label says what: the spellings of exporters, versions and scrape configurations.
//!
//! `honorLabels: false` turns an exporter's labels into `exported_*` and lets the plain ones name the
//! scrape target. Sources: dcgm-exporter `rendermetrics`, kube-state-metrics' metric documents.

use super::kube_state::PodKey;
use crate::model::dra::DeviceKey;
use crate::model::{Labels, Series};

const UUID: &[&str] = &["UUID", "uuid", "gpu_uuid", "GPU_UUID"];
const SERIAL: &[&str] = &["serial_number", "SERIAL_NUMBER"];
const HOSTNAME: &[&str] = &["Hostname", "hostname"];
const MODEL: &[&str] = &["modelName", "model_name", "card_series", "card_model"];
const INDEX: &[&str] = &["gpu", "gpu_id"];
const POD: &[&str] = &["exported_pod", "pod", "pod_name"];
const NAMESPACE: &[&str] = &["exported_namespace", "namespace", "pod_namespace"];
pub(super) const CONTAINER: &[&str] = &["exported_container", "container", "container_name"];

/// The first of `names` that a series has.
pub(super) fn first<'a>(series: &'a Series, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| series.label(name))
}

/// A label of a kube-state-metrics series, whether the scrape honours its labels or not.
#[must_use]
pub fn kube<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    let exported = series.labels.get_prefixed("exported_", name).map(String::as_str);
    exported.filter(|value| !value.is_empty()).or_else(|| series.label(name))
}

/// A device's UUID. A MIG instance's series carry that of the card.
#[must_use]
pub fn uuid(series: &Series) -> Option<&str> {
    first(series, UUID)
}

/// The serial number of an AMD card; its partitions share it.
#[must_use]
pub fn serial(series: &Series) -> Option<&str> {
    first(series, SERIAL)
}

/// Whether a series is of a partition of an AMD card: any mode but `spx`, in which the card is one.
#[must_use]
pub fn is_partition(series: &Series) -> bool {
    let mode = series.label("gpu_compute_partition_type").unwrap_or_default();
    ["dpx", "tpx", "qpx", "cpx"].iter().any(|cut| mode.eq_ignore_ascii_case(cut))
}

/// A device's index on its node, as the exporter numbers it.
#[must_use]
pub fn index(series: &Series) -> Option<&str> {
    first(series, INDEX)
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

/// Namespace and name of the pod in a series. With `--use-old-namespace` an exporter prints `pod_name` and
/// `pod_namespace`, which clash with nothing: `pod` and `namespace` beside them are of the scrape target.
pub(super) fn named(series: &Series) -> Option<(&str, &str)> {
    let old = || Some((series.label("pod_namespace")?, series.label("pod_name")?));
    match series.label("exported_pod") {
        Some(pod) => Some((first(series, NAMESPACE)?, pod)),
        None => old().or_else(|| Some((first(series, NAMESPACE)?, first(series, POD)?))),
    }
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
    kube_label_chars(key).collect()
}

/// Whether `name` is how kube-state-metrics prints a Kubernetes label key.
#[must_use]
pub fn is_kube_label_name(name: &str, key: &str) -> bool {
    name.chars().eq(kube_label_chars(key))
}

fn kube_label_chars(key: &str) -> impl Iterator<Item = char> {
    let mut previous_lower = false;
    let printed = key.chars().flat_map(move |c| {
        let is_hump = c.is_ascii_uppercase() && previous_lower;
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        let c = if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        is_hump.then_some('_').into_iter().chain([c])
    });
    "label_".chars().chain(printed)
}

/// A resource name as kube-state-metrics prints it (`nvidia.com/gpu` → `nvidia_com_gpu`).
#[must_use]
pub fn kube_resource_name(resource: &str) -> String {
    resource.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// The `label_*` part of a series' labels.
#[must_use]
pub fn kube_labels(series: &Series) -> Labels {
    series.labels.only(|name, value| name.starts_with("label_") && !value.is_empty())
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
    fn old_spellings() {
        let old = series(&[
            ("pod_name", "a"),
            ("pod_namespace", "b"),
            ("uuid", "GPU-9"),
            ("hostname", "n1"),
        ]);
        assert_eq!(uuid(&old), Some("GPU-9"));
        assert_eq!(hostname(&old), Some("n1"));
        assert_eq!(named(&old), Some(("b", "a")));
    }

    #[test]
    fn kube_state_metrics_spellings() {
        assert_eq!(kube_label_name("myTeam"), "label_my_team");
        assert_eq!(kube_label_name("kueue.x-k8s.io/queue-name"), "label_kueue_x_k8s_io_queue_name");
        assert!(is_kube_label_name("label_my_team", "myTeam"));
        assert!(!is_kube_label_name("label_my_teams", "myTeam"));
        assert!(!is_kube_label_name("label_my_tea", "myTeam"));
        assert_eq!(kube_resource_name("nvidia.com/mig-1g.5gb"), "nvidia_com_mig_1g_5gb");
        assert_eq!(instance_host(&series(&[("instance", "10.0.0.1:9400")])), Some("10.0.0.1"));
        assert_eq!(instance_host(&series(&[("instance", "[fd00::1]:9400")])), Some("fd00::1"));
    }
}
