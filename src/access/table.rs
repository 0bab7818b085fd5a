//! The permissions, each with what it is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::KINDS;

/// Name of the Lease that keeps two runs apart.
pub const LEASE: &str = "gpu-finops";

/// Which role a permission is of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// To read what reports, recommendations and plans are made of.
    Read,
    /// To find the metric server and to reach it through the API server; not needed where its URL is given.
    Discovery,
    /// To change what is wasted.
    Write,
    /// To keep two runs apart, in the namespace of the program alone.
    Lease,
}

impl Part {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Read, Self::Discovery, Self::Write, Self::Lease];

    /// Name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Discovery => "discovery",
            Self::Write => "write",
            Self::Lease => "lease",
        }
    }

    /// Whether it is of one namespace, not of the whole cluster.
    #[must_use]
    pub const fn is_of_one_namespace(self) -> bool {
        matches!(self, Self::Lease)
    }
}

/// One verb on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// Role that it is of.
    pub part: Part,
    /// API group; empty for the core.
    pub group: &'static str,
    /// Plural, as in the path of the API, with a subresource behind a `/`.
    pub resource: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// Name of the one object that it is for; empty for all.
    pub name: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// Several permissions for one reason.
struct Row {
    part: Part,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    name: &'static str,
    why: &'static str,
}

const fn row(
    part: Part,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    why: &'static str,
) -> Row {
    Row { part, group, resources, verbs, name: "", why }
}

/// Groups of which everything that makes pods is listed for a report already.
pub const LISTED: &[&str] = &["apps", "batch", "agents.x-k8s.io", "extensions.agents.x-k8s.io"];

const CLAIMS: &str = "resource.k8s.io";

const ROWS: &[Row] = &[
    row(Part::Read, "", &["pods", "nodes"], &["list"], "who holds GPUs, and which there are"),
    row(
        Part::Read,
        "",
        &["namespaces"],
        &["get", "list"],
        "tenants by label, opt-outs, and which cluster it is",
    ),
    row(Part::Read, "", &["services"], &["get"], "a virtual cluster that owns pods"),
    row(
        Part::Read,
        "apps",
        &["replicasets", "deployments", "statefulsets", "daemonsets"],
        &["list"],
        "workloads of pods",
    ),
    row(Part::Read, "batch", &["jobs", "cronjobs"], &["list"], "workloads of pods"),
    row(
        Part::Read,
        CLAIMS,
        &["resourceclaims", "resourceclaimtemplates"],
        &["get", "list"],
        "claims, who has them, and claims again before they are changed",
    ),
    row(
        Part::Read,
        CLAIMS,
        &["resourceslices", "deviceclasses", "devicetaintrules"],
        &["list"],
        "devices of claims",
    ),
    row(Part::Read, "scheduling.k8s.io", &["podgroups"], &["list"], "claims of groups of pods"),
    row(Part::Read, "agents.x-k8s.io", &["sandboxes"], &["list"], "agent sandboxes"),
    row(
        Part::Read,
        "extensions.agents.x-k8s.io",
        &["sandboxclaims", "sandboxtemplates", "sandboxwarmpools"],
        &["list"],
        "agent sandboxes",
    ),
    row(
        Part::Read,
        "autoscaling",
        &["horizontalpodautoscalers"],
        &["list"],
        "who else sets numbers of replicas",
    ),
    row(Part::Read, "keda.sh", &["scaledobjects"], &["list"], "who else sets numbers of replicas"),
    row(Part::Read, "policy", &["poddisruptionbudgets"], &["list"], "what guards running pods"),
    row(Part::Discovery, "", &["services"], &["list"], "finding the metric server"),
    row(Part::Discovery, "", &["services/proxy"], &["get"], "reaching the metric server"),
    row(
        Part::Write,
        CLAIMS,
        &["resourceclaims"],
        &["create", "delete", "patch"],
        "deleting stale claims, making smaller ones, marking, and taking it back",
    ),
    row(
        Part::Write,
        CLAIMS,
        &["resourceclaimtemplates"],
        &["create", "delete"],
        "making smaller ones, and taking it back",
    ),
    row(Part::Write, "", &["events"], &["create"], "telling who looks at a marked object"),
    row(Part::Lease, "coordination.k8s.io", &["leases"], &["create"], "keeping two runs apart"),
    Row {
        part: Part::Lease,
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get", "update"],
        name: LEASE,
        why: "keeping two runs apart",
    },
];

/// Every permission, in order, each once.
#[must_use]
pub fn permissions() -> Vec<Permission> {
    let of_row = |row: &'static Row| {
        let one = |resource, verb| Permission {
            part: row.part,
            group: row.group,
            resource,
            verb,
            name: row.name,
            why: row.why,
        };
        row.resources.iter().flat_map(move |r| row.verbs.iter().map(move |verb| one(r, verb)))
    };
    // What a pod is made from is changed, never a pod.
    let workloads = KINDS.iter().filter(|kind| kind.kind != "Pod");
    let of_kind = |kind: &'static crate::kinds::Kind| {
        let one = |part, verb, why| Permission {
            part,
            group: kind.group,
            resource: kind.plural,
            verb,
            name: "",
            why,
        };
        let listed = !LISTED.contains(&kind.group);
        let list = one(Part::Read, "list", "claims that are named by workloads without pods");
        let get =
            one(Part::Read, "get", "owners of pods, and workloads again before they are changed");
        listed.then_some(list).into_iter().chain([
            get,
            one(Part::Write, "patch", "smaller requests, fewer replicas, sleep, and marks"),
        ])
    };
    let mut out: Vec<Permission> =
        ROWS.iter().flat_map(of_row).chain(workloads.flat_map(of_kind)).collect();
    out.sort_unstable();
    out
}

/// Whether a role allows a request: `resource` with its subresource (`services/proxy`), `name` empty where the request
/// is for none in particular (`list`, `create`).
#[must_use]
pub fn allows(part: Part, verb: &str, group: &str, resource: &str, name: &str) -> bool {
    permissions().iter().any(|p| {
        (p.part, p.verb, p.group, p.resource) == (part, verb, group, resource)
            && (p.name.is_empty() || p.name == name)
    })
}
