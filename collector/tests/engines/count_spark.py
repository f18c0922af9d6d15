"""Counts an archive with Apache Spark: `count_spark.py FOLDER SQL WORKERS` starts a standalone master and workers on loopback,
prints the lines as CSV, says on standard error what did the work, and stops everything it started."""

import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pyspark
from pyspark.sql import SparkSession

HOME = pathlib.Path(pyspark.__file__).parent
folder, sql, workers = sys.argv[1], pathlib.Path(sys.argv[2]).read_text(), int(sys.argv[3])
os.environ.update(SPARK_HOME=str(HOME), SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)


def start(what, *arguments):
    """Starts a part of the cluster, which ends with this program even when that is killed."""
    command = ["setpriv", "--pdeathsig", "KILL", str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}"]
    command += ["--host", "127.0.0.1", "--webui-port", "0", *arguments]
    environment = {**os.environ, "SPARK_DAEMON_MEMORY": "512m"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)


def wait_for(process, pattern):
    """Reads what a part says until it says this, and returns what is in its parentheses."""
    said = ""
    for line in process.stderr:
        said += line
        found = re.search(pattern, line)
        if found:
            return found.group(1)
    sys.exit(f"a part of the cluster ended: {said[-3000:]}")


with tempfile.TemporaryDirectory() as scratch:
    master = start("master.Master", "--port", "0")
    parts = [master]
    try:
        url = wait_for(master, r"(spark://127\.0\.0\.1:\d+)")
        for number in range(workers):
            parts.append(start("worker.Worker", "--cores", "1", "--memory", "1g", "--work-dir", f"{scratch}/{number}", url))
        for worker in parts[1:]:
            wait_for(worker, r"(registered with master)")
        spark = (
            SparkSession.builder.master(url)
            .appName("keepset archive")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            .config("spark.executor.cores", "1")
            .config("spark.executor.memory", "768m")
            .config("spark.local.dir", scratch)
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.sql.warehouse.dir", f"{scratch}/warehouse")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
        spark.sparkContext.setLogLevel("ERROR")
        spark.read.parquet(folder).createOrReplaceTempView("reports")
        counted = spark.sql(sql)
        lines = csv.writer(sys.stdout, lineterminator="\n")
        lines.writerow(counted.columns)
        lines.writerows(counted.collect())
        executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
        print(f"spark {spark.version}: {executors} executors on {workers} workers", file=sys.stderr)
        spark.stop()
    finally:
        for part in reversed(parts):
            part.kill()
            part.wait()
