"""A promotion, and a rollback, that is killed before each of its writes: the next command finishes it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabi.registry import steer
from tabi.registry.audit import rows_of, verify
from tabi.registry.models import models
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED, NAME, champions

processes = multiprocessing.get_context("fork")
Move = Callable[[Workspace], object]


def up(workspace: Workspace) -> object:
    return promote(workspace, NAME, 3)


def back(workspace: Workspace) -> object:
    return rollback(workspace, NAME, reason="bad")


def divide(workspace: Workspace) -> object:
    return steer.canary(workspace, NAME, (0.05, 1.0), 3)


def home_of(root: Path) -> Workspace:
    return Workspace.find(root, {"TABI_HOME": str(root), "TABI_TRACKING_URI": CLOSED})


def die_before_write(step: int, root: Path, move: Move) -> None:
    """Every transaction begins with a connection, and every object of the store is renamed into its place."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in {"sqlite3.connect", "os.rename"} and str(arguments[0]).startswith(str(root)):
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    sys.addaudithook(hook)
    move(home_of(root))


@pytest.mark.system
@pytest.mark.parametrize(("move", "before", "after"), [(up, 2, 3), (back, 2, 1)])
def test_killed_before_each_single_write_it_is_finished_or_had_not_begun(
    shop: Workspace, tmp_path: Path, move: Move, before: int, after: int
) -> None:
    promote(shop, NAME, 1)
    promote(shop, NAME, 2)
    served: list[int | None] = []
    for step in range(100):
        root = tmp_path / str(step)
        shutil.copytree(shop.root, root, ignore=shutil.ignore_patterns("tracking", "work"))
        child = processes.Process(target=die_before_write, args=(step, root, move))
        child.start()
        child.join()
        workspace = home_of(root)
        found = champions(workspace)
        assert {found.policy, found.latest, found.state} <= {before, after}
        served.append(found.policy)
        models(workspace, NAME)
        healed = champions(workspace)
        assert healed.policy == healed.latest == healed.state
        assert healed.policy == after or found.policy == before
        told_once(workspace)
        shutil.rmtree(root)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
    assert len(served) > 8
    assert served == sorted(served, key=lambda number: number == after), "it went back and forth"
    assert (served[0], served[-1]) == (before, after)


@pytest.mark.system
def test_a_canary_killed_before_each_single_write_is_finished_or_had_not_begun(shop: Workspace, tmp_path: Path) -> None:
    promote(shop, NAME, 2)
    kinds: list[str] = []
    for step in range(100):
        root = tmp_path / str(step)
        shutil.copytree(shop.root, root, ignore=shutil.ignore_patterns("tracking", "work"))
        child = processes.Process(target=die_before_write, args=(step, root, divide))
        child.start()
        child.join()
        workspace = home_of(root)
        found = steer.policy_now(workspace, NAME)
        models(workspace, NAME)
        healed = steer.policy_now(workspace, NAME)
        assert found is not None
        assert healed is not None
        assert healed.kind == "canary" or found.kind == "single"
        assert champions(workspace).state == healed.champion.version == 2
        told_once(workspace)
        kinds.append(found.kind)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
    assert len(kinds) > 8
    assert (kinds[0], kinds[-1]) == ("single", "canary")
    assert kinds == sorted(kinds, reverse=True), "it went back and forth"


def told_once(workspace: Workspace) -> None:
    """The audit trail is whole and tells each operation once."""
    assert verify(workspace).findings == ()
    with Room.open(workspace).database.reading() as connection:
        told = [row.after for row in rows_of(connection, NAME)]
    assert len(told) == len(set(told))
