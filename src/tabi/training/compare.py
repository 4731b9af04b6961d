"""Two runs side by side: what they were given, what they were made of, what they came to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabi.errors import NotFoundError
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

# a shorter beginning of an id would be a guess
PREFIX = 6
ABSENT = "-"

Values = Mapping[str, str | float]


@dataclass(frozen=True)
class Sides:
    """Two runs. `parts`: for each part, the values of the one and of the other by name."""

    runs: tuple[str, str]
    parts: dict[str, tuple[Values, Values]]

    def differences(self) -> dict[str, dict[str, list[str | float | None]]]:
        """By part, what differs: both values, None where a run has none. Parts without a difference are left out."""
        found = {}
        for part, (one, other) in self.parts.items():
            differing = {name: [one.get(name), other.get(name)] for name in _names(one, other)}
            differing = {name: pair for name, pair in differing.items() if pair[0] != pair[1]}
            if differing:
                found[part] = differing
        return found


def compare_runs(workspace: Workspace, one: str, other: str) -> Sides:
    """Both runs with their parameters, metrics, data, code and environment.

    A run is told by its id, the beginning of it, or a project for its latest. Raises `NotFoundError` for any other.
    """
    client = tracking_client(workspace)
    runs = [find_run(client, reference) for reference in (one, other)]
    sides = [_parts(workspace, run) for run in runs]
    return Sides(
        (runs[0].info.run_id, runs[1].info.run_id), {part: (sides[0][part], sides[1][part]) for part in sides[0]}
    )


def find_run(client: MlflowClient, reference: str) -> MlflowRun:
    """The finished run of this id, the only one whose id begins so, or the latest of the project of this name."""
    wanted = "attributes.status = 'FINISHED' and tags.`tabi.snapshot` != ''"
    experiment = client.get_experiment_by_name(reference)
    where = [experiment.experiment_id] if experiment else [e.experiment_id for e in client.search_experiments()]
    found = [
        run
        for run in client.search_runs(where, wanted, max_results=10_000, order_by=["attributes.start_time DESC"])
        if experiment or (len(reference) >= PREFIX and run.info.run_id.startswith(reference))
    ]
    if not found:
        raise NotFoundError(
            f"there is no finished run {reference!r}: give an id that tabi tracking shows, or a project"
        )
    if len(found) > 1 and not experiment:
        raise NotFoundError(f"{len(found)} runs begin with {reference!r}: give more of the id")
    return found[0]


def table_of(sides: Sides) -> Iterator[str]:
    """Lines for a person: differences first, then what is equal, then one line of JSON for a program."""
    yield f"runs  {sides.runs[0]}  {sides.runs[1]}"
    differences = sides.differences()
    for part, differing in differences.items():
        yield f"{part}: {len(differing)} differ"
        yield from _rows({name: (pair[0], pair[1]) for name, pair in differing.items()})
    for part, (one, other) in sides.parts.items():
        same = {name: (one[name], one[name]) for name in _names(one, other) if one.get(name) == other.get(name)}
        if part == "environment":  # hundreds of packages
            yield f"{part}: {len(same)} equal"
        elif same:
            yield f"{part}: {len(same)} equal"
            yield from _rows(same)
    yield json.dumps({"runs": list(sides.runs), "equal": not differences, "differences": differences})


def _rows(pairs: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    shown = [(name, *(_text(value) for value in pair)) for name, pair in pairs.items()]
    widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
    for name, one, other in shown:
        yield f"  {name:<{widths[0]}}  {one:<{widths[1]}}  {'' if one == other else other}".rstrip()


def _text(value: str | float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:.6g}" if isinstance(value, float) else value


def _names(one: Values, other: Values) -> list[str]:
    return sorted({*one, *other})


def _parts(workspace: Workspace, run: MlflowRun) -> dict[str, Values]:
    tags, params = run.data.tags, dict(run.data.params)
    return {
        "parameters": {name: value for name, value in params.items() if name != "ds"},
        "metrics": {name: value for name, value in run.data.metrics.items() if name != "elapsed_sec"},
        "data": {"snapshot": tags["tabi.snapshot"], "ds": params.get("ds", ABSENT)},
        "code": {"git_commit": tags["tabi.git_commit"] or ABSENT, "git_dirty": tags["tabi.git_dirty"]},
        "environment": _packages(workspace, run),
    }


def _packages(workspace: Workspace, run: MlflowRun) -> dict[str, str]:
    from mlflow.artifacts import download_artifacts

    path = download_artifacts(
        run_id=run.info.run_id, artifact_path="environment.lock", tracking_uri=workspace.tracking_uri
    )
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {name: version for name, _, version in (line.partition("==") for line in lines)}
