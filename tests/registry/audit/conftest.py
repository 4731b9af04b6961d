"""A trail of five rows, and an attacker who has the file."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.state.tables import AUDIT_TRIGGERS
from tabi.workspace import Workspace

MARIA = Identity("maria", "token", frozenset({"approver"}))

Attack = Callable[..., None]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[audit.Row]]:
    """A workspace with five rows, to be copied."""
    root = tmp_path_factory.mktemp("recorded")
    with audit.transaction(Workspace.find(root, {})) as begun:
        rows = [
            begun.record(
                actor=MARIA,
                action="approve",
                object=f"adult:{number}",
                before={"state": "candidate"},
                after={"state": "approved", "auc": 0.9253},
                reason=f"reason {number}: 良い",
            )
            for number in range(1, 6)
        ]
    return root, rows


@pytest.fixture
def trail(workspace: Workspace, recorded: tuple[Path, list[audit.Row]]) -> list[audit.Row]:
    """Five rows that were recorded in this workspace."""
    root, rows = recorded
    shutil.copytree(root, workspace.root, dirs_exist_ok=True)
    return rows


@pytest.fixture
def attack(workspace: Workspace, trail: list[audit.Row]) -> Attack:
    """Run statements in the file, with the triggers gone while they run."""

    def run(*statements: str) -> None:
        connection = sqlite3.connect(workspace.root / "state" / "tabi.db", isolation_level=None)
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name in AUDIT_TRIGGERS["sqlite"]:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, guard in guards:
            connection.execute(guard)
        connection.close()

    return run
