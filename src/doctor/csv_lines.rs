//! The exact texts that make an exporter print more: lines of dcgm-exporter's CSV, arguments, variables.

use crate::model::QueryId;

/// The line of dcgm-exporter's counters file (`etc/default-counters.csv`) that prints a metric.
pub(super) const fn dcgm_line(query: QueryId) -> Option<&'static str> {
    Some(match query {
        QueryId::GpuUtil => "DCGM_FI_DEV_GPU_UTIL, gauge, GPU utilization (in %).",
        QueryId::GrEngineActive => {
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE, gauge, Ratio of time the graphics engine is active."
        }
        QueryId::SmActive => {
            "DCGM_FI_PROF_SM_ACTIVE, gauge, The ratio of cycles an SM has at least 1 warp assigned."
        }
        QueryId::FbUsed => "DCGM_FI_DEV_FB_USED, gauge, Framebuffer memory used (in MiB).",
        QueryId::FbFree => "DCGM_FI_DEV_FB_FREE, gauge, Framebuffer memory free (in MiB).",
        QueryId::XidErrors => {
            "DCGM_FI_DEV_XID_ERRORS, gauge, Value of the last XID error encountered."
        }
        _ => return None,
    })
}

/// Where that line goes.
pub(super) const DCGM_CSV: &str = "add this line to dcgm-exporter's counters file (the ConfigMap that \
     `-f` or DCGM_EXPORTER_COLLECTORS names; chart value `customMetrics`, GPU Operator \
     `dcgmExporter.config.name`) and restart it";

/// Fields of AMD's device-metrics-exporter.
pub(super) const AMD_FIELDS: &str = r#"{"GPUConfig": {"Fields": ["GPU_GFX_ACTIVITY", "GPU_USED_VRAM", "GPU_TOTAL_VRAM"], "Labels": ["GPU_UUID", "SERIAL_NUMBER", "CARD_SERIES", "POD", "NAMESPACE"]}}"#;

/// A scrape of dcgm-exporter that keeps the pods' labels and adds the node's.
pub(super) const DCGM_MONITOR: &str = "\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: dcgm-exporter
spec:
  selector:
    matchLabels:
      app: nvidia-dcgm-exporter
  endpoints:
    - port: gpu-metrics
      interval: 30s
      honorLabels: true
      relabelings:
        - sourceLabels: [__meta_kubernetes_pod_node_name]
          targetLabel: node";

/// Lets dcgm-exporter ask the kubelet which pod has which GPU.
pub(super) const DCGM_PODS: &str = "DCGM_EXPORTER_KUBERNETES=true";

/// Lets dcgm-exporter name resource claims.
pub(super) const DCGM_DRA: &str = "KUBERNETES_ENABLE_DRA=true";

/// Lets dcgm-exporter tell the pods on one card apart.
pub(super) const DCGM_VIRTUAL: &str = "KUBERNETES_VIRTUAL_GPUS=true";
