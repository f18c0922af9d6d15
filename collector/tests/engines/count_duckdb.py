"""Counts an archive with DuckDB: `count_duckdb.py FOLDER SQL` prints the lines as CSV."""

import csv
import pathlib
import sys

import duckdb

folder, sql = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()
engine = duckdb.connect()
engine.execute(
    "CREATE VIEW reports AS SELECT * FROM "
    f"read_parquet('{folder}/task=*/epoch=*/bucket-*.parquet', hive_partitioning = true)"
)
counted = engine.execute(sql)
lines = csv.writer(sys.stdout, lineterminator="\n")
lines.writerow(column[0] for column in counted.description)
lines.writerows(counted.fetchall())
