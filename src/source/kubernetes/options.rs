//! Which cluster, and how it is reached.

use std::path::PathBuf;

/// Which cluster. With nothing set: `KUBECONFIG`, `~/.kube/config`, then in-cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// A kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig.
    pub context: Option<String>,
}
