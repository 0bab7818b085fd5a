"""Runs queries/store/*.sql over roll-ups in one engine; prints {query: [row, ...]} as JSON.

usage: store_queries.py duckdb|datafusion STORE QUERIES
"""

import json
import pathlib
import sys

TABLES = ["ledger", "tenures", "holdings", "holders", "devices"]


def with_duckdb(store):
    import duckdb

    connection = duckdb.connect()
    for table in TABLES:
        files = f"{store}/cluster=*/date=*/{table}/*.parquet"
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = false)"
        )

    def rows(query):
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]

    return rows


def with_datafusion(store):
    import datafusion

    # Files lie below folders that a pattern matches, and have the columns that their path tells of.
    execution = "datafusion.execution.listing_table"
    config = datafusion.SessionConfig()
    config = config.set(f"{execution}_ignore_subdirectory", "false")
    config = config.set(f"{execution}_factory_infer_partitions", "false")
    context = datafusion.SessionContext(config)
    for table in TABLES:
        context.sql(
            f"CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{store}/**/{table}/*.parquet'"
        ).collect()
    return lambda query: [row for batch in context.sql(query).collect() for row in batch.to_pylist()]


def main():
    engine, store, queries = sys.argv[1:]
    rows = {"duckdb": with_duckdb, "datafusion": with_datafusion}[engine](store)
    files = sorted(pathlib.Path(queries).glob("*.sql"))
    print(json.dumps({file.stem: rows(file.read_text()) for file in files}, default=float))


main()
