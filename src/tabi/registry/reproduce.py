"""Rebuild a bundle's model from what its run recorded, and say whether it is the same one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeVar

import numpy as np

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.data import load_table, tensors_of
from tabi.evidence import Record, append
from tabi.evidence.records import Verdict
from tabi.store import Store
from tabi.training.distill import teacher_of
from tabi.training.environment import commit_of, environment_lock
from tabi.training.fitting import fit_table
from tabi.training.progress import Quiet, Reporter
from tabi.training.runs import Run, load_run
from tabi.workspace import Workspace

V = TypeVar("V")
QUIET = Quiet()


@dataclass(frozen=True)
class Reproduction:
    """What the rebuilt model has in common with the bundle's.

    `metrics`: those that differ, as (recorded, rebuilt). `predictions`: the largest difference in probability over the
    test rows. `graph`: sha256 of the recorded and of the rebuilt graph. `environment`, `code`: what differs today from
    what the run recorded; differences there do not make a model another one, but are the first thing to look at.
    """

    bundle: str
    run: str
    metrics: dict[str, tuple[float | None, float | None]]
    predictions: float
    graph: tuple[str, str]
    environment: dict[str, tuple[str | None, str | None]] = field(repr=False)
    code: tuple[str, str] | None

    @property
    def equal(self) -> bool:
        """Whether metrics, predictions and graph are the same to the last bit."""
        return not self.metrics and self.predictions == 0 and self.graph[0] == self.graph[1]


def reproduce(workspace: Workspace, ref: str, report: Reporter = QUIET) -> Reproduction:
    """Rebuild the model of the bundle `ref` from its run's configuration, code and snapshot, and compare.

    Raises `NotFoundError` where the bundle, its run or its snapshot is not here any more. Leaves evidence.
    """
    bundle = Bundle.open(Store(workspace.models).resolve(ref))
    manifest = bundle.manifest
    run = load_run(workspace, manifest.name, manifest.run)
    report.stage(f"read the rows of snapshot {manifest.snapshot[:12]}")
    table = load_table(workspace, run.config, digest=manifest.snapshot)
    fitted = fit_table(table, run.config, report, teacher_of(workspace, run.config, table))
    report.stage("compile and compare")
    graph = compile_pipeline(fitted.pipeline, table.contract).model
    recorded = bundle.graph_bytes()
    rows = tensors_of(table.X.iloc[fitted.cut.test], run.contract)
    before, after = (Session(model).predict(rows) for model in (recorded, graph))
    found = Reproduction(
        bundle=manifest.id,
        run=run.run_id,
        metrics=_differing(run.metrics, fitted.metrics),
        predictions=float(np.max(np.abs(before - after))),
        graph=(_digest(recorded), _digest(graph)),
        environment=_differing(_packages(run.environment_lock), _packages(environment_lock())),
        code=_code(workspace, run),
    )
    figures = json.loads(json.dumps(asdict(found)))
    verdict: Verdict = "pass" if found.equal else "fail"
    append(workspace.evidence, Record(kind="reproduction", subject=run.project, verdict=verdict, figures=figures))
    return found


def lines_of(found: Reproduction) -> Iterator[str]:
    """What a person reads, and one last line of JSON for a program."""
    yield f"bundle       {found.bundle}"
    yield f"run          {found.run}"
    yield f"metrics      {_count(found.metrics)}"
    yield from (f"  {name}: {_side(a)}, now {_side(b)}" for name, (a, b) in found.metrics.items())
    yield f"predictions  largest difference {found.predictions:.1e}"
    yield f"graph        {'same digest' if found.graph[0] == found.graph[1] else 'another digest'}"
    yield f"environment  {_count(found.environment)}"
    yield from (f"  {name}: {_side(a)}, now {_side(b)}" for name, (a, b) in found.environment.items())
    yield "code         " + ("the recorded commit" if found.code is None else f"{found.code[0]}, now {found.code[1]}")
    yield json.dumps({"equal": found.equal, **asdict(found)})


def _differing(recorded: Mapping[str, V], now: Mapping[str, V]) -> dict[str, tuple[V | None, V | None]]:
    pairs = {name: (recorded.get(name), now.get(name)) for name in sorted({*recorded, *now})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _packages(lock: str) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lock.splitlines())}


def _code(workspace: Workspace, run: Run) -> tuple[str, str] | None:
    """The recorded and the present commit where they differ; None where they are the same and nothing is changed."""
    now = commit_of(workspace.root)
    recorded = (run.git_commit, run.git_dirty)
    return None if recorded == tuple(now) and not now.dirty else (_commit(*recorded), _commit(*now))


def _commit(sha: str, dirty: bool) -> str:
    return (sha[:12] or "outside a repository") + (" with changes" if dirty else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _count(differing: Mapping[str, object]) -> str:
    return f"{len(differing)} differ" if differing else "equal"


def _side(value: float | str | None) -> str:
    return "none" if value is None else str(value)
