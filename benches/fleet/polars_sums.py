"""What a report sums up of each pod on each GPU, from the JSON of range selectors, with Polars.

    polars_sums.py FOLDER      # of answers of /api/v1/query, one file each

Observed, busy and idle time by the same rule as the report (a sample holds until the next one, for at most
five minutes), memory's peak, percentiles, the longest idle stretch; then by team. Answers are parsed with
Python's own JSON, or with orjson where it is installed, and one after the other, so that their text is not
all in memory at once.
"""

import os
import sys

import polars as pl

try:
    from orjson import loads
except ImportError:
    from json import loads

MAX_GAP_MS = 300_000
IDLE_BELOW = 5.0
DEVICE = ["UUID", "namespace", "pod"]


def answer(path):
    """The samples of one answer, with the number of the series in it."""
    with open(path, "rb") as file:
        result = loads(file.read())["data"]["result"]
    labels = pl.DataFrame(
        {name: [series["metric"].get(name, "") for series in result] for name in ["__name__", *DEVICE]},
        schema={name: pl.Categorical for name in ["__name__", *DEVICE]},
    ).with_row_index("series")
    samples = pl.DataFrame(
        {
            "series": range(len(result)),
            "t": [[at for at, _ in series["values"]] for series in result],
            "v": [[value for _, value in series["values"]] for series in result],
        },
        schema={"series": pl.UInt32, "t": pl.List(pl.Float64), "v": pl.List(pl.String)},
    ).explode("t", "v")
    in_units = samples.with_columns((pl.col("t") * 1000).round().cast(pl.Int64), pl.col("v").cast(pl.Float32))
    return in_units.join(labels, on="series").drop("series")


def sums(samples):
    """One row for each pod on each GPU."""
    held = pl.min_horizontal(pl.col("t").shift(-1) - pl.col("t"), MAX_GAP_MS).fill_null(0)
    is_idle = pl.col("v") < IDLE_BELOW
    timed = samples.sort("t").with_columns(held.over(DEVICE).alias("held"))
    use = timed.group_by(DEVICE).agg(
        pl.len().alias("samples"),
        pl.col("held").sum().alias("observed_ms"),
        (pl.col("held") * pl.col("v") / 100).sum().alias("busy_ms"),
        pl.col("held").filter(is_idle).sum().alias("idle_ms"),
        pl.col("v").quantile(0.5).alias("p50"),
        pl.col("v").quantile(0.95).alias("p95"),
        pl.col("v").quantile(0.99).alias("p99"),
        pl.col("v").max().alias("max"),
    )
    runs = (
        timed.with_columns(is_idle.rle_id().over(DEVICE).alias("run"), is_idle.alias("idle"))
        .filter("idle")
        .group_by([*DEVICE, "run"])
        .agg(pl.col("held").sum())
        .group_by(DEVICE)
        .agg(pl.col("held").max().alias("longest_idle_ms"))
    )
    return use.join(runs, on=DEVICE, how="left")


def main(folder):
    samples = pl.concat(answer(os.path.join(folder, name)) for name in sorted(os.listdir(folder), key=int))

    def of(metric):
        return samples.lazy().filter(pl.col("__name__") == metric)

    memory = of("DCGM_FI_DEV_FB_USED").group_by(DEVICE).agg(pl.col("v").max().alias("memory_max"))
    rows = sums(of("DCGM_FI_DEV_GPU_UTIL")).join(memory, on=DEVICE, how="left")
    rows = rows.collect(engine="streaming")
    teams = rows.group_by("namespace").agg(
        pl.col("observed_ms", "busy_ms", "idle_ms").sum(), pl.col("longest_idle_ms", "max").max()
    )
    hours = teams.select(pl.col("observed_ms", "busy_ms", "idle_ms").sum() / 3_600_000).row(0)
    print("{} rows; observed {:.1f} h, busy {:.1f} h, idle {:.1f} h".format(rows.height, *hours))


main(sys.argv[1])
