-- Meaning: the ledger by day (UTC), over all clusters
-- Unit: hours of one physical GPU; money in the currency of the column `currency`; utilization 0..1
-- Columns: as of `fleet` of the JSON report on that day; `mean_utilization` is its `utilization`
-- Source: `ledger` of the roll-ups; rows of one currency
-- Empty: nothing was rolled up; a day that is not there was not rolled up, which is not a day without cost
SELECT
  date,
  SUM(gpu_ms) / 3600000 AS capacity_gpu_hours,
  SUM(cost) AS capacity_cost,
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
GROUP BY date
ORDER BY date
