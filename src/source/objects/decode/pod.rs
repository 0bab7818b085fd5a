//! Pods.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodSpec, PodStatus};
use serde_json::Value;

use super::metadata::{Metadata, millis};
use super::{one_line, placement, requests};
use crate::model::objects::{PodFact, PodPhase};
use crate::units::Millis;

/// One pod. `complain` hears of quantities that cannot be used; the pod is kept without them.
pub(super) fn decode(
    metadata: Metadata,
    namespace: String,
    value: Value,
    gpu_resources: &[String],
    complain: &mut dyn FnMut(String),
) -> Result<PodFact, String> {
    let pod: Pod = serde_json::from_value(value)
        .map_err(|e| format!("{}; the pod is left out", one_line(&e.to_string())))?;
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();

    let mut effective = requests::effective(&spec, gpu_resources, complain);
    let extended = status.extended_resource_claim_status.as_ref();
    let claimed: BTreeSet<&str> = extended
        .map(|e| e.request_mappings.iter().map(|m| m.resource_name.as_str()).collect())
        .unwrap_or_default();
    requests::without(&mut effective, &claimed);

    let phase = phase(status.phase.as_deref());
    Ok(PodFact {
        namespace,
        name: metadata.name,
        uid: metadata.uid,
        node: spec.node_name.clone().filter(|n| !n.is_empty()),
        labels: metadata.labels,
        annotations: metadata.annotations,
        owner: metadata.owner,
        requests: effective,
        phase,
        created_ms: metadata.created_ms,
        scheduled_ms: scheduled_ms(&status),
        started_ms: status.start_time.as_ref().map(millis),
        finished_ms: if phase.is_terminal() { finished_ms(&status) } else { None },
        deletion_ms: metadata.deletion_ms,
        claims: claims(&spec, &status),
        pod_group: pod_group(&spec),
        placement: placement::of_pod(&spec),
    })
}

fn phase(phase: Option<&str>) -> PodPhase {
    match phase {
        Some("Running") => PodPhase::Running,
        Some("Succeeded") => PodPhase::Succeeded,
        Some("Failed") => PodPhase::Failed,
        _ => PodPhase::Pending,
    }
}

fn scheduled_ms(status: &PodStatus) -> Option<Millis> {
    let conditions = status.conditions.iter().flatten();
    conditions
        .filter(|c| c.type_ == "PodScheduled" && c.status == "True")
        .find_map(|c| c.last_transition_time.as_ref().map(millis))
}

fn finished_ms(status: &PodStatus) -> Option<Millis> {
    let finished = |container: &ContainerStatus| {
        let terminated = container.state.as_ref()?.terminated.as_ref()?;
        terminated.finished_at.as_ref().map(millis)
    };
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten()).filter_map(finished).max()
}

fn pod_group(spec: &PodSpec) -> Option<String> {
    let group = spec.scheduling_group.as_ref()?.pod_group_name.as_ref()?;
    Some(group.clone()).filter(|name| !name.is_empty())
}

/// Names of the claims that exist for the pod. A claim that is made from a template is named in the
/// status, once it is made; an entry without a name says that none was needed.
fn claims(spec: &PodSpec, status: &PodStatus) -> Vec<String> {
    let direct =
        spec.resource_claims.iter().flatten().filter_map(|c| c.resource_claim_name.clone());
    let generated = status
        .resource_claim_statuses
        .iter()
        .flatten()
        .filter_map(|c| c.resource_claim_name.clone());
    let extended =
        status.extended_resource_claim_status.iter().map(|e| e.resource_claim_name.clone());
    let names: BTreeSet<String> =
        direct.chain(generated).chain(extended).filter(|name| !name.is_empty()).collect();
    names.into_iter().collect()
}
