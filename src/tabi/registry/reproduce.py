"""Rebuild a bundle's model from what its run recorded, and say whether it is the same one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np

from tabi.bundle import Bundle, Lineage
from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.data import load_table, tensors_of
from tabi.errors import TabiError
from tabi.evidence import Record, append
from tabi.evidence.records import Verdict
from tabi.project.load import CODE_FILE
from tabi.store import Store
from tabi.training.distill import teacher_of
from tabi.training.environment import commit_of, environment_lock
from tabi.training.fitting import fit_table
from tabi.training.progress import Quiet, Reporter
from tabi.training.runs import Run, load_run
from tabi.workspace import Workspace

V = TypeVar("V")
# what is recorded and what is now, by name, where they differ
Differing = dict[str, tuple[V | None, V | None]]
QUIET = Quiet()


@dataclass(frozen=True)
class Reproduction:
    """What the rebuilt model has in common with the bundle's.

    `metrics`: those that differ, as (recorded, rebuilt). `predictions`: the largest difference in probability over the
    test rows. `graph`: sha256 of the recorded and of the rebuilt graph.

    What differs today from what was recorded does not make a model another one, but is the first thing to look at.
    `data`: the contract of the same rows. `record`: files of the run that are no longer what the bundle's lineage says,
    by digest. `environment`: packages. `code`: the commit, and the project's own pipeline. `commit`: the recorded one,
    empty where the run was trained outside a repository, so that its code cannot be compared.
    """

    bundle: str
    run: str
    metrics: Differing[float]
    predictions: float
    graph: tuple[str, str]
    data: Differing[str]
    record: Differing[str]
    environment: Differing[str] = field(repr=False)
    code: Differing[str]
    commit: str

    @property
    def equal(self) -> bool:
        """Whether metrics, predictions and graph are the same to the last bit."""
        return not self.metrics and self.predictions == 0 and self.graph[0] == self.graph[1]


def reproduce(workspace: Workspace, ref: str, report: Reporter = QUIET) -> Reproduction:
    """Rebuild the model of the bundle `ref` from its run's configuration, code and snapshot, and compare.

    Raises `NotFoundError` where the bundle, its run or its snapshot is not here any more. Leaves evidence.
    """
    bundle = Bundle.open(Store(workspace.models).resolve(ref))
    try:
        found = _rebuilt(workspace, bundle, report)
    except TabiError as error:
        _leave_evidence(workspace, bundle, "fail", {"bundle": bundle.id, "reason": str(error)})
        raise
    figures = json.loads(json.dumps(asdict(found)))
    _leave_evidence(workspace, bundle, "pass" if found.equal else "fail", figures)
    return found


def _rebuilt(workspace: Workspace, bundle: Bundle, report: Reporter) -> Reproduction:
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
    contracts = [_digest(contract.to_json()) for contract in (bundle.contract(), table.contract)]
    return Reproduction(
        bundle=manifest.id,
        run=run.run_id,
        metrics=_differing(run.metrics, fitted.metrics),
        predictions=float(np.max(np.abs(before - after))),
        graph=(_digest(recorded), _digest(graph)),
        data=_differing(*({"contract": digest} for digest in contracts)),
        record=_record(bundle.lineage(), run),
        environment=_differing(_packages(run.environment_lock), _packages(environment_lock())),
        code=_code(workspace, run),
        commit=run.git_commit,
    )


def _leave_evidence(workspace: Workspace, bundle: Bundle, verdict: Verdict, figures: dict[str, Any]) -> None:
    record = Record(kind="reproduction", subject=bundle.name, verdict=verdict, figures=figures)
    append(workspace.evidence, record)


def lines_of(found: Reproduction) -> Iterator[str]:
    """What a person reads, and one last line of JSON for a program."""
    yield f"bundle       {found.bundle}"
    yield f"run          {found.run}"
    yield from _part("metrics", found.metrics)
    yield f"predictions  largest difference {found.predictions:.1e}"
    yield f"graph        {'same digest' if found.graph[0] == found.graph[1] else 'another digest'}"
    yield from _part("data", found.data)
    yield from _part("record", found.record)
    yield from _part("environment", found.environment)
    if found.commit or found.code:
        yield from _part("code", found.code)
    else:
        yield "code         trained outside a repository: not compared"
    yield json.dumps({"equal": found.equal, **asdict(found)})


def _part(title: str, differing: Mapping[str, tuple[object, object]]) -> Iterator[str]:
    yield f"{title:<12} {f'{len(differing)} differ' if differing else 'equal'}"
    for name, sides in differing.items():
        recorded, now = ("none" if side is None else str(side) for side in sides)
        yield f"  {name}: {recorded}, now {now}"


def _differing(recorded: Mapping[str, V], now: Mapping[str, V]) -> Differing[V]:
    pairs = {name: (recorded.get(name), now.get(name)) for name in sorted({*recorded, *now})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _packages(lock: str) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lock.splitlines())}


def _record(lineage: Lineage | None, run: Run) -> Differing[str]:
    """The files that the run was made from and the bundle's lineage knows by digest."""
    if lineage is None:
        return {}
    config = (run.artifacts / "config.yaml").read_bytes()
    held = {"config.yaml": _digest(config), "environment.lock": _digest(run.environment_lock.encode())}
    recorded = {"config.yaml": lineage.config, "environment.lock": lineage.environment}
    if run.config.code:
        held[CODE_FILE] = _digest(run.config.code.encode())
    if lineage.code:
        recorded[CODE_FILE] = lineage.code
    return _differing(recorded, held)


def _code(workspace: Workspace, run: Run) -> Differing[str]:
    """The recorded and the present commit, where they differ or either had changes, and the project's own pipeline."""
    now = commit_of(workspace.root)
    differing: Differing[str] = {}
    if (run.git_commit, run.git_dirty) != tuple(now) or now.dirty:
        differing["commit"] = _commit(run.git_commit, run.git_dirty), _commit(*now)
    if not run.config.code:
        return differing
    path = workspace.projects / run.project / CODE_FILE
    kept, held = _digest(run.config.code.encode()), _digest(path.read_bytes()) if path.is_file() else None
    return differing if held == kept else {**differing, CODE_FILE: (kept, held)}


def _commit(sha: str, dirty: bool) -> str:
    return (sha[:12] or "outside a repository") + (" with changes" if dirty else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
