"""A release that is killed at any moment: a reader sees the old bundle or the new one, never a mix."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from tabi.bundle import Bundle
from tabi.registry.release import release
from tabi.store import Store
from tabi.workspace import Workspace
from tests.registry.conftest import Trained
from tests.registry.conftest import trained as trained  # noqa: PLC0414 - the same runs serve both rooms' tests

pytestmark = [pytest.mark.system, pytest.mark.beside]

KILLS = 20

# Imports and the first release take seconds, so one process makes them and forks a releasing child for every line that
# it is sent. Children only read the tracking database, which their parent does not touch again.
RELEASER = """
import itertools, os, sys
from dataclasses import replace
from pathlib import Path
from tabi.registry.release import release
from tabi.workspace import Workspace
root, store, *runs = sys.argv[1:]
workspace = replace(Workspace.find(Path(root), {}), store=Path(store))
release(workspace, "shop", runs[0])
for _ in sys.stdin:
    runs.reverse()
    child = os.fork()
    if child == 0:
        for run in itertools.cycle(runs):
            release(workspace, "shop", run)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def test_latest_always_opens_and_the_store_has_at_most_leftovers(trained: Trained, tmp_path: Path) -> None:
    workspace = replace(trained.workspace, store=tmp_path / "store")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "data").symlink_to(trained.workspace.store / "data")
    ids = {release(workspace, trained.name, run).bundle for run in trained.runs}
    began = time.monotonic()
    release(workspace, trained.name, trained.runs[0])
    duration = time.monotonic() - began
    store = Store(workspace.store)
    seen = set()
    with _releaser(workspace, trained.runs) as (ask, answers):
        for delay in random.Random(2).choices([duration * k / 10 for k in range(25)], k=KILLS):
            ask.write("\n")
            ask.flush()
            child = int(answers.readline())
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            assert answers.readline() == "dead\n"
            latest = store.latest(trained.name)
            assert latest is not None
            assert latest.id in ids
            seen.add(latest.id)
            assert Bundle.open(store.open_path(trained.name)).id == latest.id
            assert [finding for finding in store.verify() if finding.severity == "error"] == []
    assert seen == ids, "no kill fell between two releases, so nothing was proved"


@contextmanager
def _releaser(workspace: Workspace, runs: tuple[str, str]) -> Iterator[tuple[IO[str], IO[str]]]:
    """The process above: where to ask it for a child, and where it answers. Nothing of it is left."""
    command = [sys.executable, "-c", RELEASER, str(workspace.root), str(workspace.store), *runs]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdin, process.stdout
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
