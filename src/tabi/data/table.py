"""The table that a training works on, and how it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from tabi.contract import Contract
from tabi.data.checks import Violation, check_rows
from tabi.data.frame import canonical_frame, encode_target
from tabi.data.inference import infer_contract
from tabi.data.snapshot import Snapshot, latest_snapshot, read_snapshot, write_snapshot
from tabi.data.sources import fetch_rows
from tabi.data.stored import stored_frame
from tabi.project import ProjectConfig
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought: the rows' snapshot, their contract, and where they break it."""

    snapshot: Snapshot
    contract: Contract
    violations: list[Violation]


@dataclass(frozen=True)
class Table:
    """A snapshot as a model sees it.

    `X`: the canonical frame. `y`: see `encode_target`. `by`: the values of the column that `split.column` names, by
    which rows are ordered or grouped, None where it names none.
    """

    contract: Contract
    X: pd.DataFrame
    y: Any
    snapshot: Snapshot
    by: pd.Series | None = None


def fetch(workspace: Workspace, config: ProjectConfig) -> Fetched:
    """Fetch the project's source, write the snapshot, infer the contract and check the rows against it."""
    rows = stored_frame(fetch_rows(config.source, workspace))
    snapshot = write_snapshot(workspace, config.name, config.source, rows)
    contract = infer_contract(rows, config)
    return Fetched(snapshot, contract, check_rows(rows, contract, config))


def load_table(workspace: Workspace, config: ProjectConfig, digest: str | None = None) -> Table:
    """The table of one snapshot, by default the latest; fetched first if there is none from the project's source."""
    if digest is None:
        latest = latest_snapshot(workspace, config.name)
        if latest is None or latest.source != config.source:
            rows = fetch_rows(config.source, workspace)
            latest = write_snapshot(workspace, config.name, config.source, rows)
        digest = latest.digest
    snapshot, rows = read_snapshot(workspace, config.name, digest)
    contract = infer_contract(rows, config)
    by = rows[config.split.column] if config.split.column else None
    return Table(contract, canonical_frame(rows, contract), encode_target(rows, contract), snapshot, by)
