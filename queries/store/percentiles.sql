-- Meaning: utilization percentiles by tenant, weighted by observed held time: the smallest utilization whose
--   cumulative time reaches the share. The 1e-13 is room for rounding of parts of GPUs
-- Unit: 0..1
-- Columns: as of `tenants[]` of the JSON report. For another grouping put its columns in place of `tenant`
-- Source: `ledger` of the roll-ups
-- Empty: nothing was observed
WITH spread AS (
SELECT tenant, utilization, SUM(gpu_ms) AS ms
FROM ledger
WHERE utilization IS NOT NULL AND tenant IS NOT NULL
GROUP BY tenant, utilization
),
cumulated AS (
SELECT
  tenant, utilization,
  SUM(ms) OVER (PARTITION BY tenant ORDER BY utilization ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS reached_ms,
  SUM(ms) OVER (PARTITION BY tenant) AS total_ms
FROM spread
)
SELECT
  tenant,
  MIN(CASE WHEN 100 * reached_ms >= 50 * total_ms * (1.0 - 1e-13) THEN utilization END) AS utilization_p50,
  MIN(CASE WHEN 100 * reached_ms >= 95 * total_ms * (1.0 - 1e-13) THEN utilization END) AS utilization_p95,
  MIN(CASE WHEN 100 * reached_ms >= 99 * total_ms * (1.0 - 1e-13) THEN utilization END) AS utilization_p99,
  MAX(utilization) AS utilization_max
FROM cumulated
GROUP BY tenant
ORDER BY tenant
