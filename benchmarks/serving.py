"""Tabi's server beside the floor and its peers, in one run: `python -m benchmarks.serving`.

Writes docs/evidence/serving.md. Every server has one core and one thread, the load generator the other core, and all
take their turn in each round. A peer is measured if this interpreter or one named by --peers-python has it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.peers.catalogue import PEERS, Peer, interpreter_with, versions
from benchmarks.portfolio import Portfolio, prepare
from benchmarks.serving_report import BATCH_ROWS, LIKE_FOR_LIKE, ONE_WORKER, OURS, TWO_WORKERS, document
from tabi.bench.compare import Contender, Round, Settings, Work, compare
from tabi.bench.report import FLOOR, floor_contender, tabi_command
from tabi.bench.rows import batch_bodies, predict_bodies
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Entry:
    """A contender and how its answers are read; `peer` is None for ours and the floor."""

    contender: Contender
    peer: Peer | None = None
    version: str = ""


def entries(portfolio: Portfolio, ref: str, pythons: Sequence[Path], only: Sequence[str]) -> list[Entry]:
    """Everything that can be measured here."""
    works, bundle = our_works(portfolio), str(portfolio.bundle)
    tabi = partial(tabi_command, scratch=portfolio.files)
    found = [Entry(floor_contender(works))]
    found += [Entry(Contender(tabi(OURS, ref), works)), Entry(Contender(tabi(LIKE_FOR_LIKE, bundle), works))]
    if has_workers():
        for name, count in ((ONE_WORKER, "1"), (TWO_WORKERS, "2")):
            command = tabi_command(name, bundle, portfolio.files, "--workers", count)
            found.append(Entry(Contender(command, [w for w in works if w.name != "c1"], pinned=False, optional=True)))
    for peer in PEERS:
        python = interpreter_with(peer.needs, pythons)
        if python is None:
            print(f"not measured: {peer.name}, no interpreter has {', '.join(peer.needs)}", flush=True)
        else:
            contender = Contender(peer.command(python, portfolio.files), peer_works(peer, portfolio), optional=True)
            found.append(Entry(contender, peer, versions(python, peer.needs[:1])))
    kept = {FLOOR, *only}
    return [entry for entry in found if not only or entry.contender.name in kept]


def has_workers() -> bool:
    """Whether `tabi serve` has --workers."""
    told = subprocess.run([sys.executable, "-m", "tabi", "serve", "--help"], capture_output=True, text=True, check=True)
    return "--workers" in told.stdout


def our_works(portfolio: Portfolio) -> list[Work]:
    """One row a request on 1 and on 32 connections, and batches."""
    ones, batches = predict_bodies(portfolio.rows), batch_bodies(portfolio.rows, BATCH_ROWS)
    return works("/predict", "/predict_batch", ones, batches)


def peer_works(peer: Peer, portfolio: Portfolio) -> list[Work]:
    """The same rows in the peer's own form."""
    rows = portfolio.rows
    ones = [peer.body([row]) for row in rows]
    starts = range(0, len(rows) - BATCH_ROWS + 1, BATCH_ROWS)
    batches = [peer.body(rows[begin : begin + BATCH_ROWS]) for begin in starts]
    return works(*peer.paths, ones, batches)


def works(one: str, many: str, ones: list[bytes], batches: list[bytes]) -> list[Work]:
    """The three kinds of load."""
    return [Work("c1", one, ones, 1), Work("c32", one, ones, 32), Work("batch", many, batches, 4)]


def difference(entry: Entry, rounds: Sequence[Round], portfolio: Portfolio) -> float | None:
    """The largest difference between sampled answers and the pipeline; None where there is no answer to compare."""
    if entry.peer is None and entry.contender.name in (FLOOR, OURS):
        return None
    largest = None
    for r in rounds:
        for name in ("c1", "c32", "batch"):
            size = BATCH_ROWS if name == "batch" else 1
            for sample in r.works[name].load.samples if name in r.works else ():
                if sample.status == 200:
                    found = np.array(probabilities(entry, json.loads(sample.answer)))
                    expected = portfolio.expected[sample.body * size : (sample.body + 1) * size]
                    largest = max(largest or 0.0, float(np.max(np.abs(found - expected))))
    return largest


def probabilities(entry: Entry, answer: Any) -> list[float]:
    """The probabilities in an answer. Ours must hold no warning, for the rows are real ones."""
    if entry.peer is not None:
        return entry.peer.read(answer)
    assert answer["warnings"] == [], "the server warned of a row of the test set"
    return [row["probability"] for row in answer.get("predictions", [answer])]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="Tabi beside its peers.")
    parser.add_argument("--ref", default="adult", help="the released model: tabi train adult && tabi release adult")
    parser.add_argument("--peers-python", type=Path, action="append", default=[], help="an interpreter with peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", action="append", default=[], help="a name of the table; writes no evidence")
    return parser.parse_args()


def main() -> None:
    """Measure everything, print it, keep it."""
    given = options()
    began = os.getloadavg()[0]
    settings = Settings(given.rounds, given.seconds, sample_every=5)
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as scratch:
        portfolio = prepare(Workspace.find(), Path(scratch))
        # not resolved: a link to an interpreter is what makes it the one of its environment
        pythons = [Path(sys.executable), *(path.absolute() for path in given.peers_python)]
        measured = entries(portfolio, given.ref, pythons, given.only)
        rounds = compare([e.contender for e in measured], settings, lambda line: print(line, flush=True))
        measured = [e for e in measured if e.contender.name in rounds]
        differences = {e.contender.name: difference(e, rounds[e.contender.name], portfolio) for e in measured}
    head = [
        f"Written by `python -m benchmarks.serving` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        f"Load of the machine when it began: {began:.1f}.",
        machine(("onnxruntime", "uvicorn", "uvloop", "httptools", "starlette", "scikit-learn", "numpy", "pandas")),
        *(f"{e.contender.name}: {e.version}." for e in measured if e.version),
    ]
    text = document(rounds, differences, settings, head)
    print(text)
    if not given.only:
        path = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "serving.md"
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
