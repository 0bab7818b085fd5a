-- Meaning: the ledger by workload, most waste first
-- Unit: hours of one physical GPU; money in the currency of the column `currency`; utilization 0..1; bytes
-- Columns: as of `workloads[]` of the JSON report; `mean_utilization` is its `utilization`, `allocated_cost` its `cost`
-- Source: `ledger` and `tenures` of the roll-ups; rows of one currency
-- Empty: nobody held a GPU
WITH sums AS (
SELECT
  cluster, tenant, rule, namespace, workload_kind, workload,
  SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty', 'unobserved') THEN gpu_ms ELSE 0.0 END) / 3600000 AS allocated_gpu_hours,
  SUM(CASE WHEN state = 'active' THEN utilization_gpu_ms ELSE 0.0 END) / 3600000 AS busy_gpu_hours,
  SUM(CASE WHEN state = 'active' THEN gpu_ms - utilization_gpu_ms ELSE 0.0 END) / 3600000 AS slack_gpu_hours,
  SUM(CASE WHEN state = 'idle_warm' THEN gpu_ms ELSE 0.0 END) / 3600000 AS idle_warm_gpu_hours,
  SUM(CASE WHEN state = 'idle_empty' THEN gpu_ms ELSE 0.0 END) / 3600000 AS idle_empty_gpu_hours,
  SUM(CASE WHEN state = 'unobserved' THEN gpu_ms ELSE 0.0 END) / 3600000 AS unobserved_gpu_hours,
  SUM(CASE WHEN state = 'stale_claim' THEN gpu_ms ELSE 0.0 END) / 3600000 AS stale_claim_gpu_hours,
  SUM(utilization_gpu_ms) / NULLIF(SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty') THEN gpu_ms ELSE 0.0 END), 0.0) AS mean_utilization,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty', 'unobserved') THEN cost ELSE 0.0 END) END AS allocated_cost,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state = 'active' THEN cost * utilization ELSE 0.0 END) END AS busy_cost,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state IN ('idle_warm', 'idle_empty', 'stale_claim') THEN cost
    WHEN state = 'active' THEN cost * (1.0 - utilization) ELSE 0.0 END) END AS waste_cost
FROM ledger
WHERE tenant IS NOT NULL
GROUP BY cluster, tenant, rule, namespace, workload_kind, workload
),
peaks AS (
SELECT cluster, tenant, rule, namespace, workload_kind, workload, MAX(memory_used_max_bytes) AS memory_peak_bytes
FROM tenures
GROUP BY cluster, tenant, rule, namespace, workload_kind, workload
)
SELECT
  sums.cluster AS cluster, sums.tenant AS tenant, sums.rule AS rule, sums.namespace AS namespace,
  sums.workload_kind AS kind, sums.workload AS name,
  allocated_gpu_hours, busy_gpu_hours, slack_gpu_hours, idle_warm_gpu_hours, idle_empty_gpu_hours,
  unobserved_gpu_hours, stale_claim_gpu_hours, mean_utilization, allocated_cost, busy_cost, waste_cost,
  memory_peak_bytes AS memory_used_max_bytes
FROM sums
LEFT JOIN peaks ON sums.cluster = peaks.cluster AND sums.tenant = peaks.tenant AND sums.rule = peaks.rule
  AND sums.namespace = peaks.namespace AND sums.workload_kind = peaks.workload_kind AND sums.workload = peaks.workload
ORDER BY waste_cost DESC, cluster, namespace, kind, name
