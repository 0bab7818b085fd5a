-- Meaning: the ledger by tenant, most waste first; a tenant of several clusters is one
-- Unit: hours of one physical GPU; money in the currency of the column `currency`; utilization 0..1
-- Columns: as of `tenants[]` of the JSON report; `mean_utilization` is its `utilization`, `allocated_cost` its `cost`
-- Source: `ledger` of the roll-ups; rows of one currency
-- Empty: nobody held a GPU
SELECT
  tenant,
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
GROUP BY tenant
ORDER BY waste_cost DESC, tenant
