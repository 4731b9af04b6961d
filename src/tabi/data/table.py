"""The table that a training works on, and how it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from tabi.contract import Contract
from tabi.data.checks import Violation, check_rows
from tabi.data.findings import Finding, findings_of, labelled
from tabi.data.frame import canonical_frame, encode_target
from tabi.data.inference import infer_contract
from tabi.data.origin import refuse_password, refuse_secrets
from tabi.data.sample import sample_of
from tabi.data.snapshot import Snapshot, digest_of_query, latest_snapshot, open_snapshot, read_snapshot, write_snapshot
from tabi.data.sources import open_source
from tabi.data.tracking import Tracked, track
from tabi.errors import ConfigError, TabiError
from tabi.evidence import Record, append
from tabi.evidence.records import Verdict
from tabi.project import ProjectConfig
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought.

    The rows' snapshot, their contract, where rows break it, what else is to be said of them, and the file by which DVC
    tracks the snapshot, where the project sits in a DVC repository.
    """

    snapshot: Snapshot
    contract: Contract
    violations: list[Violation]
    findings: list[Finding]
    tracked: Tracked | None


class LabelledRows(NamedTuple):
    """The rows of a snapshot that have a target, with every column, and how many have none."""

    snapshot: Snapshot
    contract: Contract
    frame: pd.DataFrame
    unlabelled: int


@dataclass(frozen=True)
class Table:
    """A snapshot as a model sees it.

    `X`: the canonical frame. `y`: see `encode_target`. `by`: the values of the column that `split.column` names, by
    which rows are ordered or grouped, None where it names none. `unlabelled`: how many rows of the snapshot are left
    out of all three, because they have no target.
    """

    contract: Contract
    X: pd.DataFrame
    y: Any
    snapshot: Snapshot
    by: pd.Series | None = None
    unlabelled: int = 0


def fetch(workspace: Workspace, config: ProjectConfig) -> Fetched:
    """Fetch the project's source, write the snapshot, infer the contract and check the rows against it.

    One batch of rows is held at a time, and eight bytes of each row to tell which are equal.
    """
    snapshot = _snapshot(workspace, config)
    rows = snapshot.table()
    contract = infer_contract(rows, config)
    violations, findings = check_rows(rows, contract, config), findings_of(rows, contract, config)
    tracked = track(workspace, config.name, snapshot)
    return Fetched(tracked.snapshot if tracked else snapshot, contract, violations, findings, tracked)


def load_table(workspace: Workspace, config: ProjectConfig, digest: str | None = None) -> Table:
    """The table of one snapshot, by default the latest; fetched first if there is none from the project's source.

    The table is held in memory, of which `config.sample` may be fewer rows than the snapshot has. Rows without a target
    are left out.
    """
    refuse_secrets(config.source)
    refuse_password(config.query or "")
    if digest is None:
        latest = latest_snapshot(workspace, config.name)
        query = None if config.query is None else digest_of_query(config.query)
        if latest is None or (latest.source, latest.query) != (config.source, query):
            latest = _snapshot(workspace, config)
        digest = latest.digest
    return table_of(labelled_rows(workspace, config, digest), config)


def labelled_rows(workspace: Workspace, config: ProjectConfig, digest: str) -> LabelledRows:
    """The rows of a snapshot that a training works on, in stored form with all their columns."""
    if config.sample is None:
        snapshot, rows = read_snapshot(workspace, config.name, digest)
        contract = infer_contract(rows, config)
    else:
        snapshot, stored = open_snapshot(workspace, config.name, digest)
        contract, rows = infer_contract(stored, config), sample_of(stored, config.sample)
    kept = labelled(rows, contract)
    if not kept.all():
        rows = rows[kept].reset_index(drop=True)
    return LabelledRows(snapshot, contract, rows, int((~kept).sum()))


def table_of(rows: LabelledRows, config: ProjectConfig) -> Table:
    """The same rows as a model sees them."""
    return Table(
        contract=rows.contract,
        X=canonical_frame(rows.frame, rows.contract),
        y=encode_target(rows.frame, rows.contract),
        snapshot=rows.snapshot,
        by=_ordering(rows.frame, config),
        unlabelled=rows.unlabelled,
    )


def _ordering(rows: pd.DataFrame, config: ProjectConfig) -> pd.Series | None:
    """The values of the column by which the project's split orders or groups rows."""
    name = config.split.column
    if name is None:
        return None
    if name not in rows.columns or name == config.target:
        others = ", ".join(str(column) for column in rows.columns[:10] if column != config.target)
        raise ConfigError(f"split.column {name!r} is no column of the rows beside the target; there are {others}")
    return rows[name]


def _snapshot(workspace: Workspace, config: ProjectConfig) -> Snapshot:
    """Fetch the source, and leave evidence of it, also where it cannot be fetched."""
    try:
        opened = open_source(config.source, workspace, config.query)
        snapshot = write_snapshot(workspace, config.name, config.source, opened.batches, opened.parents, config.query)
    except TabiError as error:
        _record(workspace, config, "fail", {}, {"reason": str(error)})
        raise
    figures = {"source": snapshot.source, "rows": snapshot.rows, "columns": snapshot.columns}
    _record(workspace, config, "pass", {"snapshot": snapshot.digest}, figures)
    return snapshot


def _record(
    workspace: Workspace, config: ProjectConfig, verdict: Verdict, inputs: dict[str, str], figures: dict[str, Any]
) -> None:
    append(
        workspace.evidence,
        Record(kind="fetch", subject=config.name, verdict=verdict, inputs=inputs, figures=figures),
    )
