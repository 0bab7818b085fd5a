//! What the families of a list are called, and what they say: time, cost, waste, utilization, observed share.

/// Name and help of the five families of a list.
pub(super) type Names = [(&'static str, &'static str); 5];

pub(super) static TENANT: Names = [
    ("tenant_gpu_seconds", "GPU time of a tenant in the window, by state."),
    ("tenant_cost", "Cost of the GPU time of a tenant in the window, by state."),
    (
        "tenant_waste_cost",
        "Cost of the waste of a tenant in the window: idle, slack, stale claims.",
    ),
    ("tenant_utilization_ratio", "Mean utilization of a tenant over observed held time."),
    ("tenant_observed_ratio", "Observed share of the held time of a tenant."),
];

pub(super) static NAMESPACE: Names = [
    ("namespace_gpu_seconds", "GPU time of a namespace in the window, by state."),
    ("namespace_cost", "Cost of the GPU time of a namespace in the window, by state."),
    (
        "namespace_waste_cost",
        "Cost of the waste of a namespace in the window: idle, slack, stale claims.",
    ),
    ("namespace_utilization_ratio", "Mean utilization of a namespace over observed held time."),
    ("namespace_observed_ratio", "Observed share of the held time of a namespace."),
];

pub(super) static WORKLOAD: Names = [
    ("workload_gpu_seconds", "GPU time of a workload in the window, by state."),
    ("workload_cost", "Cost of the GPU time of a workload in the window, by state."),
    (
        "workload_waste_cost",
        "Cost of the waste of a workload in the window: idle, slack, stale claims.",
    ),
    ("workload_utilization_ratio", "Mean utilization of a workload over observed held time."),
    ("workload_observed_ratio", "Observed share of the held time of a workload."),
];

pub(super) static DEVICE: Names = [
    ("device_gpu_seconds", "GPU time of a physical GPU in the window, by state."),
    ("device_cost", "Cost of the GPU time of a physical GPU in the window, by state."),
    (
        "device_waste_cost",
        "Cost of the waste of a physical GPU in the window: idle, slack, stale claims.",
    ),
    ("device_utilization_ratio", "Mean utilization of a physical GPU over observed held time."),
    ("device_observed_ratio", "Observed share of the held time of a physical GPU."),
];
