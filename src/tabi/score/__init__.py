"""Scoring files: Parquet, CSV or NDJSON in, Parquet out, in bounded memory and on all cores. Needs the extra `arrow`.

files      which files there are, and what they are
blocks     a run of rows as it travels: read, not yet judged
readers    a file -> blocks, in order (csv_reader, ndjson_reader, parquet_reader)
plan       what is read and what comes out, checked before the first row is scored
scorer     a block -> output rows and rejected rows
pool       scorers in processes of their own
parts      what is done so far, on disk, so that a killed run can go on
output     parts -> the one output file
run        all of it
"""

from tabi.score.run import Options, Summary, score_files

__all__ = ["Options", "Summary", "score_files"]
