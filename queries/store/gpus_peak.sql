-- Meaning: most GPUs that a tenant held at one time, parts of GPUs as parts
-- Unit: GPUs
-- Columns: as of `tenants[]` of the JSON report
-- Source: `holdings` of the roll-ups
-- Empty: nobody held a GPU
WITH changes AS (
SELECT tenant, from_ms AS at_ms, share AS change FROM holdings WHERE holder_kind <> 'stale-claim'
UNION ALL
SELECT tenant, until_ms AS at_ms, -share AS change FROM holdings WHERE holder_kind <> 'stale-claim'
),
instants AS (
SELECT tenant, at_ms, SUM(change) AS change FROM changes GROUP BY tenant, at_ms
),
levels AS (
SELECT tenant,
  SUM(change) OVER (PARTITION BY tenant ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS level
FROM instants
)
SELECT tenant, ROUND(MAX(level), 6) AS gpus_peak
FROM levels
GROUP BY tenant
ORDER BY tenant
