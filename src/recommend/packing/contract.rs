//! What packing says, as other programs read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which nodes come free when what is held at the end of the window is packed, with the counted recommendations done.
///
/// Its money is beside the savings, not part of them: time that nobody holds is no waste.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Packing {
    /// Nodes with GPUs at the end of the window.
    pub nodes_before: u32,
    /// Nodes that stay.
    pub nodes_after: u32,
    /// Price of all their GPUs for 730 hours; null where one has none.
    pub monthly_cost_before: Option<f64>,
    /// The same of the nodes that stay.
    pub monthly_cost_after: Option<f64>,
    /// Price for 730 hours of what is free on nodes that go on and that nobody can use: what is left of a card that is
    /// cut, and cards for which CPU, memory or pods are missing.
    pub monthly_stranded_before: Option<f64>,
    /// The same of the nodes that stay.
    pub monthly_stranded_after: Option<f64>,
    /// Nodes that come free, in the order in which they are emptied.
    pub free: Vec<FreeNode>,
    /// Nodes with free GPUs that stay, and why.
    pub stays: Vec<StayingNode>,
    /// What was not looked at.
    pub not_considered: Vec<String>,
}

/// A node that comes free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FreeNode {
    /// Node.
    pub node: String,
    /// Model of its GPUs.
    pub model: String,
    /// How many.
    pub gpus: u32,
    /// `on-demand`, `spot` or `reserved`, where known; what is reserved is paid all the same.
    pub capacity_type: Option<String>,
    /// Their price for 730 hours.
    pub monthly_cost: Option<f64>,
    /// Most GPUs of the model held at one time in the window, without what is given up.
    pub peak_gpus: f64,
    /// GPUs of the model that are left when this node and those before it are gone.
    pub gpus_left: u32,
    /// Pods that move; none where the node is empty.
    pub moves: Vec<MovedPod>,
}

/// A pod that moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MovedPod {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// `kind/name` of its workload; a Job's work begins again.
    pub workload: String,
    /// GPUs, parts as parts.
    pub gpus: f64,
    /// Node that it moves to.
    pub to: String,
}

/// A node that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StayingNode {
    /// Node.
    pub node: String,
    /// Why it cannot be emptied.
    pub reason: String,
}
