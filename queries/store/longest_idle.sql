-- Meaning: the longest unbroken idle stretch of one GPU in one pod's hands, by workload. A stretch that ends with a
--   day and begins with the next is one. `stretch` numbers the stretches that touch midnights: a day that was
--   not idle throughout ends one and begins the next, and so does a day that is missing
-- Unit: seconds
-- Columns: as of `workloads[]` of the JSON report
-- Source: `tenures` of the roll-ups
-- Empty: nobody held a GPU
WITH days AS (
SELECT
  cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid, day,
  MAX(longest_idle_ms) AS longest_ms, MAX(leading_idle_ms) AS leading_ms, MAX(trailing_idle_ms) AS trailing_ms
FROM tenures
GROUP BY cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid, day
),
neighbours AS (
SELECT days.*,
  LAG(day) OVER (PARTITION BY cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid ORDER BY day) AS day_before
FROM days
),
numbered AS (
SELECT neighbours.*,
  SUM(CASE WHEN leading_ms = 86400000 THEN 0 ELSE 1 END + CASE WHEN day = day_before + 1 THEN 0 ELSE 1 END)
    OVER (PARTITION BY cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    AS stretch_after
FROM neighbours
),
parts AS (
SELECT cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid,
  stretch_after AS stretch, trailing_ms AS ms
FROM numbered
UNION ALL
SELECT cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid,
  stretch_after - 1 AS stretch, leading_ms AS ms
FROM numbered
WHERE leading_ms < 86400000
),
stretches AS (
SELECT cluster, tenant, rule, namespace, workload_kind, workload, SUM(ms) AS ms
FROM parts
GROUP BY cluster, tenant, rule, namespace, workload_kind, workload, holder_kind, pod, pod_uid, gpu_uuid, stretch
UNION ALL
SELECT cluster, tenant, rule, namespace, workload_kind, workload, longest_ms AS ms
FROM days
)
SELECT cluster, tenant, rule, namespace, workload_kind AS kind, workload AS name, MAX(ms) / 1000e0 AS longest_idle_seconds
FROM stretches
GROUP BY cluster, tenant, rule, namespace, workload_kind, workload
ORDER BY longest_idle_seconds DESC, cluster, namespace, kind, name
