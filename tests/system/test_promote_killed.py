"""Promotions and rollbacks that are killed at random moments, with a real MLflow database: never two champions, never
none, and the next command makes policy, `latest`, states and MLflow agree again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import IO

import pytest

from tabi.bundle import Bundle
from tabi.registry.audit import rows_of, verify
from tabi.registry.journal import at_stage
from tabi.registry.models import models
from tabi.registry.promote import promote, resume
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.registry.governed import NAME, champions, governed, make_tracked, registered

pytestmark = [pytest.mark.system, pytest.mark.beside]

KILLS = 20

# Imports take seconds, so one process makes them and forks a child for every line that it is sent. It opens no database
# itself: a connection does not outlive a fork.
MOVER = """
import os, sys, time
from pathlib import Path
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.training import tracking
from tabi.workspace import Workspace
import mlflow
workspace = Workspace.find(Path(sys.argv[1]), {"TABI_HOME": sys.argv[1]})
def move():
    for number in (1, 2, 3):
        promote(workspace, "adult", number)
    rollback(workspace, "adult", reason="bad")
print("imported", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        # its first look at MLflow takes longest
        promote(workspace, "adult", 2)
        began = time.monotonic()
        move()
        print(os.getpid(), time.monotonic() - began, flush=True)
        while True:
            move()
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def heal_by_list(workspace: Workspace) -> None:
    models(workspace, NAME)


def heal_by_resume(workspace: Workspace) -> None:
    resume(workspace, NAME)


def heal_by_promotion(workspace: Workspace) -> None:
    promote(workspace, NAME, 2)


def heal_by_rollback(workspace: Workspace) -> None:
    promote(workspace, NAME, 1)
    promote(workspace, NAME, 2)
    rollback(workspace, NAME, reason="bad")
    models(workspace, NAME)


HEALERS: tuple[Callable[[Workspace], None], ...] = (heal_by_list, heal_by_resume, heal_by_promotion, heal_by_rollback)


@pytest.mark.timeout(600)
def test_killed_at_random_moments_there_is_one_champion_and_the_next_command_heals(tmp_path: Path) -> None:
    workspace = stocked(tmp_path)
    random, open_cuts, apart = Random(7), 0, 0
    with mover(workspace) as (ask, answers):
        for kill in range(KILLS):
            ask.write("\n")
            ask.flush()
            child, cycle = answers.readline().split()
            time.sleep(random.uniform(0, float(cycle)))
            os.kill(int(child), signal.SIGKILL)
            assert answers.readline() == "dead\n"
            found = champions(workspace)
            assert None not in {found.policy, found.latest, found.state, found.mlflow}
            apart += not found.agreed
            room = Room.open(workspace)
            assert Bundle.open(room.store.open_path(NAME)).name == NAME
            with room.database.reading() as connection:
                open_cuts += len(at_stage(connection, NAME, "begun"))
            HEALERS[kill % len(HEALERS)](workspace)
            healed = champions(workspace)
            assert healed.agreed, f"kill {kill}: {found} became {healed}"
            assert [finding for finding in room.store.verify() if finding.severity == "error"] == []
            assert verify(workspace).findings == ()
    assert apart > 0, "no kill fell into an operation, so nothing was proved"
    with Room.open(workspace).database.reading() as connection:
        told = [row.after for row in rows_of(connection, NAME)]
    assert len(told) == len(set(told))
    sys.stdout.write(f"{KILLS} kills, {apart} left the places apart, {open_cuts} an open operation\n")


def stocked(root: Path) -> Workspace:
    (root / "made").mkdir()
    tracked = make_tracked(root / "made")
    workspace = governed(root / "home", tracked)
    for seed in (1, 2, 3):
        registered(workspace, tracked, seed)
    promote(workspace, NAME, 1)
    return workspace


@contextmanager
def mover(workspace: Workspace) -> Iterator[tuple[IO[str], IO[str]]]:
    """The process above: where to ask it for a child, and where it answers. Nothing of it is left."""
    process = subprocess.Popen(
        [sys.executable, "-c", MOVER, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "imported\n"
        yield process.stdin, process.stdout
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
