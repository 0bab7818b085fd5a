//! The demo cluster, compiled into the program: its story is `fixtures/demo/README.md`.

use super::{Snapshot, SnapshotError, load_embedded};

macro_rules! demo_file {
    ($path:expr) => {
        ($path, include_bytes!(concat!("../../../fixtures/demo/", $path)).as_slice())
    };
}

/// The files of the manifest, and labels and samples of each query that has series.
macro_rules! demo_files {
    ($($query:literal)+) => {
        &[
            demo_file!("snapshot.json"),
            demo_file!("objects/objects.json"),
            $(
                demo_file!(concat!("labels/", $query, ".parquet")),
                demo_file!(concat!("samples/", $query, ".parquet")),
            )+
        ]
    };
}

/// Path and content of each file. One that is forgotten here is missed by its manifest, and by a test.
const DEMO: &[(&str, &[u8])] = demo_files!(
    "fb_free" "fb_used" "gpu_util" "gr_engine_active" "init_container_info" "job_owner"
    "namespace_labels" "node_allocatable" "node_capacity" "node_labels" "node_unschedulable"
    "pod_completion_time" "pod_cpu_memory_requests" "pod_gpu_requests" "pod_info"
    "pod_init_gpu_requests" "pod_labels" "pod_owner" "pod_scheduled_time" "pod_start_time"
    "pod_terminal" "replicaset_owner" "xid_errors"
);

/// The demo cluster: three nodes, twenty-four GPUs, eight tenants, one week.
///
/// # Errors
///
/// None in a program that passed its tests; otherwise as for [`super::load`].
pub fn demo() -> Result<Snapshot, SnapshotError> {
    load_embedded(DEMO)
}
