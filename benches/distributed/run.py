"""A standalone Spark cluster over roll-ups: a master and two workers on loopback, one of them killed in mid-query.

Every table is read by plain patterns, and every query of queries/store runs unchanged. See `run` beside this file.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pyspark
from pyspark.sql import SparkSession

HOME = pathlib.Path(pyspark.__file__).parent
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["GPU_FINOPS_BIN"]
TABLES = ["ledger", "tenures", "holdings", "devices"]
WEEK = "2026-11-09,2026-11-16"
NOW = "2026-11-16T00:05:00Z"
# Which rows of the report a query gives, and by what they are found.
ROWS = {
    "tenants": ("tenants", ["tenant"]),
    "percentiles": ("tenants", ["tenant"]),
    "gpus_peak": ("tenants", ["tenant"]),
    "workloads": ("workloads", ["cluster", "tenant", "rule", "namespace", "kind", "name"]),
    "longest_idle": ("workloads", ["cluster", "tenant", "rule", "namespace", "kind", "name"]),
    "nodes": ("nodes", ["cluster", "node"]),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fleet(store, clusters):
    """The demo's cluster of 24 GPUs, a week of it, under as many names."""
    for n in range(clusters):
        command = [PROGRAM, "roll-up", "--quiet", "--store", store, "--cluster", f"c{n:03}"]
        command += ["--snapshot", str(REPOSITORY / "fixtures/demo"), "--window", WEEK, "--now", NOW]
        subprocess.run(command, check=True)


def report(store):
    """The answer of one process."""
    command = [PROGRAM, "report", "--quiet", "--store", store, "--window", WEEK, "--now", NOW, "-o", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


class Cluster:
    """Processes that end with the block, each in a group of its own."""

    def __init__(self, work):
        self.work = work
        self.port = free_port()
        self.url = f"spark://127.0.0.1:{self.port}"
        self.processes = []

    def start(self, name, *args):
        environment = dict(os.environ, SPARK_HOME=str(HOME), SPARK_DAEMON_MEMORY="256m", SPARK_LOCAL_IP="127.0.0.1")
        log = open(os.path.join(self.work, f"{name}.log"), "wb")
        process = subprocess.Popen(
            [str(HOME / "bin/spark-class"), *args], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        self.processes.append(process)
        return process

    def __enter__(self):
        self.start(
            "master", "org.apache.spark.deploy.master.Master",
            "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(free_port()),
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"the master does not listen; see {self.work}/master.log")
                time.sleep(0.2)
        self.workers = [
            self.start(
                f"worker{n}", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1",
                "--memory", "600m", "--webui-port", str(free_port()), "--work-dir", os.path.join(self.work, f"w{n}"),
                self.url,
            )
            for n in range(2)
        ]
        return self

    def kill_worker(self):
        """The worker with its executor, as when a machine goes away."""
        os.killpg(self.workers[0].pid, signal.SIGKILL)

    def __exit__(self, *_):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def session(cluster):
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master(cluster.url).appName("gpu-finops")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        # A task for each file: there is something to lose.
        "spark.sql.files.openCostInBytes": "134217728",
        "spark.log.level": "ERROR",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def run(spark, query):
    return [row.asDict() for row in spark.sql(query).collect()]


def executors(spark):
    return spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos().__len__() - 1


def lose_a_worker(spark, cluster, query):
    """Runs a query and kills a worker once some of its tasks are done and others are not."""
    answer = {}

    def work():
        answer["rows"] = run(spark, query)

    tracker = spark.sparkContext.statusTracker()
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        stages = filter(None, map(tracker.getStageInfo, tracker.getActiveStageIds()))
        running = [s for s in stages if s.numCompletedTasks > 0 and s.numActiveTasks > 0]
        if running:
            stage = running[0]
            cluster.kill_worker()
            print(f"worker killed after {stage.numCompletedTasks} of {stage.numTasks} tasks of a stage")
            break
        time.sleep(0.005)
    else:
        sys.exit("the query was over before a worker could be killed: give more --clusters")
    thread.join(timeout=300)
    if "rows" not in answer:
        sys.exit("the query did not survive the loss of a worker")
    return answer["rows"]


def compare(name, rows, expected):
    """Every row of the report, money to the cent; what is counted in other units to a billionth."""
    table, keys = ROWS[name]
    wanted = {tuple(row[k] for k in keys): row for row in expected[table]}
    found = {tuple(row[k] for k in keys): row for row in rows}
    if wanted.keys() != found.keys():
        sys.exit(f"{name}: other rows than in the report")
    worst = 0.0
    for key, row in found.items():
        for column, value in row.items():
            other = wanted[key][{"mean_utilization": "utilization"}.get(column, column)]
            if column in keys or value is None and other is None:
                continue
            # Some engines give decimals.
            value = None if value is None else float(value)
            allowed = 0.005 if column.endswith("_cost") else 1e-9 * max(1.0, abs(other))
            if value is None or other is None or abs(value - other) > allowed:
                sys.exit(f"{name}, {key}: {column} is {value}, and {other} in the report")
            worst = max(worst, abs(value - other))
    print(f"{name}: {len(rows)} rows agree, largest difference {worst:.1e}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clusters", type=int, default=12, help="clusters of 24 GPUs, a week of each")
    parser.add_argument("--store", help="a store of roll-ups that is there already, of the week of the demo")
    arguments = parser.parse_args()
    # Told to end, it takes the processes that it started with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="gpu-finops-spark.") as work:
        store = arguments.store or os.path.join(work, "store")
        if not arguments.store:
            fleet(store, arguments.clusters)
        begin = time.monotonic()
        expected = report(store)
        single = time.monotonic() - begin
        parts = len(list(pathlib.Path(store).glob("cluster=*/date=*")))
        fleet_row = expected["fleet"]
        print(f"{fleet_row['gpus']} GPUs, {parts} partitions; report --store: {single:.2f} s")
        queries = {f.stem: f.read_text() for f in sorted((REPOSITORY / "queries/store").glob("*.sql"))}
        with Cluster(work) as cluster:
            spark = session(cluster)
            for table in TABLES:
                files = f"{store}/cluster=*/date=*/{table}/*.parquet"
                spark.read.parquet(files).createOrReplaceTempView(table)
            while executors(spark) < 2:
                time.sleep(0.1)
            rows = lose_a_worker(spark, cluster, queries["tenants"])
            compare("tenants", rows, expected)
            for name in ROWS:
                begin = time.monotonic()
                rows = run(spark, queries[name])
                took = time.monotonic() - begin
                compare(name, rows, expected)
                print(f"  {took:.2f} s on the worker that is left")
            spark.stop()
    print("Spark and report --store agree")


main()
