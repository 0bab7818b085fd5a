//! The queries of the catalogue as `doctor` speaks of them: who prints the metric, under which name, and what
//! is lost without it.

use super::metrics::Answers;
use crate::model::QueryId;

/// Who prints a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exporter {
    Dcgm,
    Amd,
    KubeState,
    Kubelet,
    ModelServer,
}

impl Exporter {
    /// Whether its metrics are of GPUs.
    pub(super) const fn is_of_devices(self) -> bool {
        matches!(self, Self::Dcgm | Self::Amd)
    }
}

/// Who prints what a query asks for.
pub(super) const fn exporter_of(query: QueryId) -> Exporter {
    match query {
        QueryId::GpuUtil
        | QueryId::GrEngineActive
        | QueryId::SmActive
        | QueryId::FbUsed
        | QueryId::FbFree
        | QueryId::XidErrors => Exporter::Dcgm,
        QueryId::AmdGfxActivity | QueryId::AmdVramUsed | QueryId::AmdVramTotal => Exporter::Amd,
        QueryId::PodCpuUsage | QueryId::PodMemoryUsage => Exporter::Kubelet,
        QueryId::KvCacheUsage => Exporter::ModelServer,
        _ => Exporter::KubeState,
    }
}

/// What is lost without a metric that its exporter could print; `None` where none to be seen is no loss.
pub(super) fn lost(query: QueryId, answers: &Answers) -> Option<&'static str> {
    Some(match query {
        QueryId::SmActive => {
            "how much of the GPU is really used is told by a coarser signal; it is not in the exporter's default list"
        }
        QueryId::GrEngineActive if answers.has(QueryId::SmActive) => return None,
        QueryId::GrEngineActive => {
            "use rests on GPU_UTIL alone, which is 100 % while any kernel runs; MIG instances have no other signal"
        }
        // Instances have none.
        QueryId::GpuUtil if answers.is_all_mig => return None,
        QueryId::GpuUtil => "a profiling field that is stuck at 0 cannot be told from an idle GPU",
        QueryId::FbUsed | QueryId::AmdVramUsed => {
            "idle GPUs with and without a model in memory cannot be told apart"
        }
        QueryId::FbFree | QueryId::AmdVramTotal => {
            "the size of the memory is taken from the node's label, else 1 GiB decides on empty"
        }
        QueryId::AmdGfxActivity => "held time of AMD GPUs is unobserved",
        QueryId::NodeCapacity => "GPUs that no exporter shows are known from objects alone",
        QueryId::PodGpuRequests => {
            "who held how many GPUs rests on objects and pod labels; pods that are gone may be missing"
        }
        QueryId::NodeAllocatable => {
            "GPUs that are missing, and stranded ones, are known from objects alone, as of now"
        }
        QueryId::PodCpuMemoryRequests => {
            "whether GPUs are stranded for want of CPU or memory rests on the pods listed now"
        }
        QueryId::PodInfo => "GPUs whose series do not name their node cannot always be placed",
        QueryId::PodScheduledTime | QueryId::PodStartTime => {
            "when a hold began rests on the pod's first sample"
        }
        QueryId::PodCpuUsage => "CPU requests of GPU pods are not judged by `recommend`",
        QueryId::PodMemoryUsage => "memory requests of GPU pods are not judged by `recommend`",
        QueryId::PodOwner => "workloads are known from objects; else a pod is its own workload",
        _ => return None,
    })
}

/// The metric that a query asks for, as its exporter names it.
pub(super) fn metric(query: QueryId) -> &'static str {
    match query {
        QueryId::GpuUtil => "DCGM_FI_DEV_GPU_UTIL",
        QueryId::GrEngineActive => "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        QueryId::SmActive => "DCGM_FI_PROF_SM_ACTIVE",
        QueryId::FbUsed => "DCGM_FI_DEV_FB_USED",
        QueryId::FbFree => "DCGM_FI_DEV_FB_FREE",
        QueryId::AmdGfxActivity => "gpu_gfx_activity",
        QueryId::AmdVramUsed => "gpu_used_vram",
        QueryId::AmdVramTotal => "gpu_total_vram",
        QueryId::XidErrors => "DCGM_FI_DEV_XID_ERRORS",
        QueryId::NodeCapacity => "kube_node_status_capacity",
        QueryId::PodGpuRequests => "kube_pod_container_resource_requests (GPUs)",
        QueryId::PodInitGpuRequests => "kube_pod_init_container_resource_requests (GPUs)",
        QueryId::PodResourceClaims => "kube_pod_resourceclaim_info",
        QueryId::NodeAllocatable => "kube_node_status_allocatable",
        QueryId::NodeNotReady => "kube_node_status_condition (not ready)",
        QueryId::NodeUnschedulable => "kube_node_spec_unschedulable",
        QueryId::NodeLabels => "kube_node_labels",
        QueryId::PodCpuMemoryRequests => "kube_pod_container_resource_requests (CPU, memory)",
        QueryId::PodTerminal => "kube_pod_status_phase (ended)",
        QueryId::PodInfo => "kube_pod_info",
        QueryId::PodScheduledTime => "kube_pod_status_scheduled_time",
        QueryId::PodStartTime => "kube_pod_start_time",
        QueryId::PodCompletionTime => "kube_pod_completion_time",
        QueryId::InitContainerInfo => "kube_pod_init_container_info",
        QueryId::PodOwner => "kube_pod_owner",
        QueryId::ReplicaSetOwner => "kube_replicaset_owner",
        QueryId::JobOwner => "kube_job_owner",
        QueryId::PodLabels => "kube_pod_labels",
        QueryId::NamespaceLabels => "kube_namespace_labels",
        QueryId::PodCpuUsage => "container_cpu_usage_seconds_total",
        QueryId::PodMemoryUsage => "container_memory_working_set_bytes",
        QueryId::KvCacheUsage => "vllm:kv_cache_usage_perc, sglang:token_usage, …",
    }
}
