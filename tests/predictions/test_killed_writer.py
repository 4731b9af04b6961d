"""SIGKILL at any moment loses no prediction that was acknowledged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tabi.predictions import LogReader
from tests.predictions.test_log import in_repository

ROUNDS = 6

# each batch is acknowledged on stdout once it is in the log, as a server's answer would be
WRITER = """
import os, sys
from pathlib import Path
from tabi.predictions import PredictionLog, encode_lines
from tests.predictions.test_record import a_line
log = PredictionLog(Path(sys.argv[1]), int(sys.argv[2]), segment_bytes=200_000)
batch = 0
while True:
    rows = 1 + batch * 7 % 50
    lines = [a_line(id=f"{sys.argv[2]}.{batch}", row=row, inputs=["x" * 50] * 14) for row in range(rows)]
    if log.append(encode_lines(lines), rows):
        os.write(1, f"{sys.argv[2]}.{batch} {rows}\\n".encode())
    batch += 1
"""


def killed(folder: Path, worker: int, after: float) -> dict[str, int]:
    """The batches that a writer acknowledged before it was killed, and how many rows each had."""
    command = [sys.executable, "-c", WRITER, str(folder), str(worker)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=in_repository()) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(after)
        process.kill()
        said += process.stdout.read()
    whole = said[: said.rindex(b"\n")].decode().splitlines()
    return {name: int(rows) for name, rows in (line.split() for line in whole)}


def test_everything_acknowledged_is_read_back(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    for worker in range(ROUNDS):
        acknowledged |= killed(tmp_path, worker, random.uniform(0, 0.05))
    assert len(acknowledged) >= ROUNDS
    rows: dict[str, list[int]] = {}
    reader = LogReader(tmp_path)
    for line in reader:
        rows.setdefault(line.id, []).append(line.row)
    # a writer that was killed between its write and its acknowledgement leaves lines that nobody was told of
    assert len(rows) - len(acknowledged) <= ROUNDS
    assert {name: rows.get(name) for name in acknowledged} == {n: list(range(r)) for n, r in acknowledged.items()}
    assert reader.skipped <= ROUNDS
