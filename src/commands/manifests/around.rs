//! What stands around the CronJob: namespace, account, roles, config, volume and network policy.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, PersistentVolumeClaimSpec, ServiceAccount,
    VolumeResourceRequirements,
};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{Options, Reach, value};
use crate::access::{Part, roles};
use crate::error::Result;

/// Name of everything there is one of.
pub(super) const NAME: &str = "gpu-finops";
const READ: &str = "gpu-finops-read";
const WRITE: &str = "gpu-finops-write";
const LEASE: &str = "gpu-finops-lease";
/// Claim of the volume with the journals.
pub(super) const JOURNALS: &str = "gpu-finops-journals";
/// File of the config map.
pub(super) const CONFIG: &str = "config.yaml";

/// Ports at which API servers listen; which address they have, a policy cannot know.
const API_SERVER: [i32; 2] = [443, 6_443];
const DNS: i32 = 53;

/// Labels of everything.
pub(super) fn labels() -> BTreeMap<String, String> {
    [("app.kubernetes.io/name".to_owned(), NAME.to_owned())].into()
}

/// Name and labels of something in the namespace.
pub(super) fn named(name: &str, options: &Options) -> ObjectMeta {
    ObjectMeta { namespace: Some(options.namespace.clone()), ..anywhere(name) }
}

fn anywhere(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), labels: Some(labels()), ..ObjectMeta::default() }
}

/// All of it, in the order in which it can be applied.
pub(super) fn objects(options: &Options) -> Result<Vec<Value>> {
    let mut reading = vec![Part::Read];
    if options.prometheus.is_none() {
        reading.push(Part::Discovery);
    }
    let mut out = vec![
        value(&namespace(options))?,
        value(&ServiceAccount { metadata: named(NAME, options), ..ServiceAccount::default() })?,
        value(&roles::cluster_role(anywhere(READ), &reading))?,
        value(&cluster_binding(READ, options))?,
    ];
    if options.reach != Reach::ReadOnly {
        out.push(value(&roles::cluster_role(anywhere(WRITE), &[Part::Write]))?);
        out.push(value(&roles::role(named(LEASE, options), &[Part::Lease]))?);
    }
    if options.reach == Reach::Write {
        out.push(value(&cluster_binding(WRITE, options))?);
        out.push(value(&binding(LEASE, options))?);
        out.push(value(&journals(options))?);
    }
    out.push(value(&config(options))?);
    out.push(value(&network(options))?);
    Ok(out)
}

fn namespace(options: &Options) -> Namespace {
    let mut metadata = anywhere(&options.namespace);
    let restricted = ("pod-security.kubernetes.io/enforce".to_owned(), "restricted".to_owned());
    metadata.labels.get_or_insert_default().extend([restricted]);
    Namespace { metadata, ..Namespace::default() }
}

fn account(options: &Options) -> Option<Vec<Subject>> {
    Some(vec![Subject {
        kind: "ServiceAccount".to_owned(),
        name: NAME.to_owned(),
        namespace: Some(options.namespace.clone()),
        ..Subject::default()
    }])
}

fn role(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn cluster_binding(name: &str, options: &Options) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: anywhere(name),
        role_ref: role("ClusterRole", name),
        subjects: account(options),
    }
}

fn binding(name: &str, options: &Options) -> RoleBinding {
    RoleBinding {
        metadata: named(name, options),
        role_ref: role("Role", name),
        subjects: account(options),
    }
}

fn journals(options: &Options) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: named(JOURNALS, options),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity("1Gi".to_owned()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// The config file: what is given here; `gpu-finops config show` has all the rest.
pub(super) fn config_text(options: &Options) -> String {
    let server = match &options.prometheus {
        // A JSON string is a YAML string.
        Some(url) => format!("prometheus:\n  url: {}\n", Value::from(url.as_str())),
        None => String::new(),
    };
    format!(
        "# Settings of gpu-finops. `gpu-finops config show` lists all of them, with their defaults.\n{server}policy:\n  idle_below: 0.01\n"
    )
}

fn config(options: &Options) -> ConfigMap {
    ConfigMap {
        metadata: named(NAME, options),
        data: Some([(CONFIG.to_owned(), config_text(options))].into()),
        ..ConfigMap::default()
    }
}

/// Nobody may connect to it; it may ask for names, and talk to the API server and the metric server.
fn network(options: &Options) -> NetworkPolicy {
    let to = |ports: &[(i32, &str)]| NetworkPolicyEgressRule {
        ports: Some(
            ports
                .iter()
                .map(|(port, protocol)| NetworkPolicyPort {
                    port: Some(IntOrString::Int(*port)),
                    protocol: Some((*protocol).to_owned()),
                    ..NetworkPolicyPort::default()
                })
                .collect(),
        ),
        ..NetworkPolicyEgressRule::default()
    };
    let mut egress =
        vec![to(&[(DNS, "UDP"), (DNS, "TCP")]), to(&API_SERVER.map(|port| (port, "TCP")))];
    let port = options.prometheus.as_ref().and_then(url::Url::port_or_known_default);
    if let Some(port) = port.map(i32::from).filter(|port| !API_SERVER.contains(port)) {
        egress.push(to(&[(port, "TCP")]));
    }
    NetworkPolicy {
        metadata: named(NAME, options),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(labels()),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(Vec::new()),
            egress: Some(egress),
        }),
    }
}
