"""Run by an interpreter that has PySpark: scores a Parquet file on a local Spark of two executor threads."""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

from tabi.errors import DataError
from tabi.score.spark import score


def main(rows: str, output: str, *bundles: str) -> None:
    """Score `rows` in four parts by each bundle, and once with a key that is not there."""
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.read.parquet(rows).repartition(4)
    for place, bundle in enumerate(bundles):
        score(frame, bundle).write.parquet(f"{output}/{place}")
    try:
        score(frame, bundles[0], keys=["nothing"])
        refused = ""
    except DataError as error:
        refused = str(error)
    sys.stdout.write(json.dumps({"partitions": frame.rdd.getNumPartitions(), "refused": refused}) + "\n")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
