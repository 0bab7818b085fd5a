//! The catalogue of what is asked of a metric server: one entry for each file in `queries/`.
//!
//! How a query is rendered and sent is `source::prometheus`; what its answer means is `observe`.

use crate::units::{MS_PER_MINUTE, Millis};

/// How a query's answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Raw samples by range selector over the whole window.
    Raw,
    /// Facts that hardly change: one value per series and day, the last seen of that day.
    Info,
    /// A filtered expression evaluated every `step_ms`: only instants at which it holds come back.
    Grid {
        /// Evaluation step.
        step_ms: Millis,
    },
    /// Raw samples of the last quarter of an hour of the window only (constants such as memory size).
    Tail,
}

/// Which part of the cluster a query is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryScope {
    /// Everything; asked first.
    All,
    /// Only the nodes that turned out to have GPUs (placeholder `{{nodes}}`).
    GpuNodes,
    /// Only the namespaces that turned out to hold GPUs (placeholder `{{namespaces}}`).
    GpuNamespaces,
}

macro_rules! catalogue {
    (
        { $($(#[doc = $doc:literal])+ $id:ident, $name:literal, $kind:expr, $scope:ident;)+ }
        optional { $($(#[doc = $odoc:literal])+ $oid:ident, $oname:literal, $okind:expr, $oscope:ident;)+ }
    ) => {
        /// A query of the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QueryId { $($(#[doc = $doc])+ $id,)+ $($(#[doc = $odoc])+ $oid,)+ }

        impl QueryId {
            /// Every query that a report rests on, in the order in which they are asked.
            pub const ALL: &'static [Self] = &[$(Self::$id,)+];

            /// Queries that only recommendations look at: a metric server alone can evaluate them, and where they
            /// have no answer nothing is incomplete.
            pub const OPTIONAL: &'static [Self] = &[$(Self::$oid,)+];

            /// Name of the query: its file is `queries/<name>.promql`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)+ $(Self::$oid => $oname,)+ }
            }

            /// How its answer is to be read.
            #[must_use]
            pub const fn kind(self) -> QueryKind {
                match self { $(Self::$id => $kind,)+ $(Self::$oid => $okind,)+ }
            }

            /// What it is asked about.
            #[must_use]
            pub const fn scope(self) -> QueryScope {
                match self { $(Self::$id => QueryScope::$scope,)+ $(Self::$oid => QueryScope::$oscope,)+ }
            }

            /// Its text, header included, with placeholders.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$id => include_str!(concat!("../../queries/", $name, ".promql")),)+
                    $(Self::$oid => include_str!(concat!("../../queries/", $oname, ".promql")),)+
                }
            }
        }
    };
}

use QueryKind::{Grid, Info, Raw, Tail};

catalogue! { {
    /// Share of time with a kernel running, percent.
    GpuUtil, "gpu_util", Raw, All;
    /// Share of time the graphics or compute engine was active, 0..1.
    GrEngineActive, "gr_engine_active", Raw, All;
    /// Share of time a streaming multiprocessor had a warp, 0..1.
    SmActive, "sm_active", Raw, All;
    /// Framebuffer in use, MiB.
    FbUsed, "fb_used", Raw, All;
    /// Framebuffer free, MiB; with the used part it gives the size of the memory.
    FbFree, "fb_free", Tail, All;
    /// Share of time the graphics engine of an AMD GPU was busy, percent.
    AmdGfxActivity, "amd_gfx_activity", Raw, All;
    /// Memory of an AMD GPU in use, MB.
    AmdVramUsed, "amd_vram_used", Raw, All;
    /// Size of the memory of an AMD GPU, MB.
    AmdVramTotal, "amd_vram_total", Tail, All;
    /// Last XID error code of the device, while it is not 0.
    XidErrors, "xid_errors", Grid { step_ms: MS_PER_MINUTE }, All;
    /// GPUs a node has, by resource.
    NodeCapacity, "node_capacity", Raw, All;
    /// GPUs a pod's containers request, by resource.
    PodGpuRequests, "pod_gpu_requests", Raw, All;
    /// GPUs a pod's init containers request, by resource.
    PodInitGpuRequests, "pod_init_gpu_requests", Raw, All;
    /// Resource claims that a pod uses (kube-state-metrics 2.20 and later).
    PodResourceClaims, "pod_resource_claims", Raw, All;
    /// GPUs, CPU and memory that a node's pods may request.
    NodeAllocatable, "node_allocatable", Raw, GpuNodes;
    /// Node's Ready condition, while it is not true.
    NodeNotReady, "node_not_ready", Grid { step_ms: MS_PER_MINUTE }, GpuNodes;
    /// Node cordoned, while it is.
    NodeUnschedulable, "node_unschedulable", Grid { step_ms: MS_PER_MINUTE }, GpuNodes;
    /// Labels of the nodes.
    NodeLabels, "node_labels", Info, GpuNodes;
    /// CPU and memory that pods on GPU nodes request.
    PodCpuMemoryRequests, "pod_cpu_memory_requests", Grid { step_ms: 5 * MS_PER_MINUTE }, GpuNodes;
    /// Pods in a terminal phase, while they are.
    PodTerminal, "pod_terminal", Grid { step_ms: MS_PER_MINUTE }, GpuNamespaces;
    /// Pod, node and addresses.
    PodInfo, "pod_info", Info, GpuNodes;
    /// When a pod was bound to its node, Unix seconds.
    PodScheduledTime, "pod_scheduled_time", Info, GpuNamespaces;
    /// When the kubelet took the pod, Unix seconds.
    PodStartTime, "pod_start_time", Info, GpuNamespaces;
    /// When the last container of a pod ended, Unix seconds.
    PodCompletionTime, "pod_completion_time", Info, GpuNamespaces;
    /// Init containers with their restart policy (`Always` is a sidecar).
    InitContainerInfo, "init_container_info", Info, GpuNamespaces;
    /// Controller of a pod.
    PodOwner, "pod_owner", Info, GpuNamespaces;
    /// Controller of a ReplicaSet.
    ReplicaSetOwner, "replicaset_owner", Info, GpuNamespaces;
    /// Controller of a Job.
    JobOwner, "job_owner", Info, GpuNamespaces;
    /// Labels of the pods, as far as kube-state-metrics is allowed to show them.
    PodLabels, "pod_labels", Info, GpuNamespaces;
    /// Labels of the namespaces, as far as kube-state-metrics is allowed to show them.
    NamespaceLabels, "namespace_labels", Info, GpuNamespaces;
} optional {
    /// CPU that the containers of a pod use, cores.
    PodCpuUsage, "pod_cpu_usage", Grid { step_ms: 5 * MS_PER_MINUTE }, GpuNamespaces;
    /// Memory that the containers of a pod use, bytes.
    PodMemoryUsage, "pod_memory_usage", Grid { step_ms: 5 * MS_PER_MINUTE }, GpuNamespaces;
    /// Largest part of a model server's key-value cache that was in use, 0..1.
    KvCacheUsage, "kv_cache_usage", Grid { step_ms: 5 * MS_PER_MINUTE }, GpuNamespaces;
} }

impl QueryId {
    /// The query with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().chain(Self::OPTIONAL).copied().find(|q| q.name() == name)
    }

    /// Whether it is one of [`Self::OPTIONAL`].
    #[must_use]
    pub fn is_optional(self) -> bool {
        Self::OPTIONAL.contains(&self)
    }
}
