-- Meaning: the ledger by node, with its capacity
-- Unit: hours of one physical GPU; money in the currency of the column `currency`; utilization 0..1
-- Columns: as of `nodes[]` of the JSON report; `mean_utilization` is its `utilization`
-- Source: `ledger` and `devices` of the roll-ups; rows of one currency
-- Empty: there was no GPU
WITH sums AS (
SELECT
  cluster, node,
  SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty', 'unobserved') THEN gpu_ms ELSE 0.0 END) / 3600000 AS allocated_gpu_hours,
  SUM(CASE WHEN state = 'active' THEN utilization_gpu_ms ELSE 0.0 END) / 3600000 AS busy_gpu_hours,
  SUM(CASE WHEN state = 'active' THEN gpu_ms - utilization_gpu_ms ELSE 0.0 END) / 3600000 AS slack_gpu_hours,
  SUM(CASE WHEN state = 'idle_warm' THEN gpu_ms ELSE 0.0 END) / 3600000 AS idle_warm_gpu_hours,
  SUM(CASE WHEN state = 'idle_empty' THEN gpu_ms ELSE 0.0 END) / 3600000 AS idle_empty_gpu_hours,
  SUM(CASE WHEN state = 'unobserved' THEN gpu_ms ELSE 0.0 END) / 3600000 AS unobserved_gpu_hours,
  SUM(CASE WHEN state = 'stale_claim' THEN gpu_ms ELSE 0.0 END) / 3600000 AS stale_claim_gpu_hours,
  SUM(CASE WHEN state = 'unallocated' THEN gpu_ms ELSE 0.0 END) / 3600000 AS unallocated_gpu_hours,
  SUM(CASE WHEN state = 'stranded' THEN gpu_ms ELSE 0.0 END) / 3600000 AS stranded_gpu_hours,
  SUM(CASE WHEN state = 'unhealthy' THEN gpu_ms ELSE 0.0 END) / 3600000 AS unhealthy_gpu_hours,
  SUM(utilization_gpu_ms) / NULLIF(SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty') THEN gpu_ms ELSE 0.0 END), 0.0) AS mean_utilization,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state IN ('active', 'idle_warm', 'idle_empty', 'unobserved') THEN cost ELSE 0.0 END) END AS allocated_cost,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state = 'active' THEN cost * utilization ELSE 0.0 END) END AS busy_cost,
  CASE WHEN COUNT(cost) > 0 THEN SUM(CASE WHEN state IN ('idle_warm', 'idle_empty', 'stale_claim') THEN cost
    WHEN state = 'active' THEN cost * (1.0 - utilization) ELSE 0.0 END) END AS waste_cost
FROM ledger
GROUP BY cluster, node
),
hardware AS (
SELECT
  cluster, node,
  COUNT(DISTINCT gpu_uuid) AS gpus,
  SUM(until_ms - from_ms) / 3600000e0 AS capacity_gpu_hours,
  SUM((until_ms - from_ms) / 3600000e0 * price_per_gpu_hour) AS capacity_cost
FROM devices
GROUP BY cluster, node
)
SELECT
  hardware.cluster AS cluster, hardware.node AS node, gpus, capacity_gpu_hours, capacity_cost,
  allocated_gpu_hours, busy_gpu_hours, slack_gpu_hours, idle_warm_gpu_hours, idle_empty_gpu_hours,
  unobserved_gpu_hours, stale_claim_gpu_hours, unallocated_gpu_hours, stranded_gpu_hours, unhealthy_gpu_hours,
  mean_utilization, allocated_cost, busy_cost, waste_cost
FROM hardware
LEFT JOIN sums ON hardware.cluster = sums.cluster AND hardware.node = sums.node
ORDER BY cluster, node
