"""A release that is killed at any moment: a reader sees the old bundle or the new one, never a mix."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from tabi.bundle import Bundle
from tabi.registry import release
from tabi.store import Store
from tests.registry.conftest import Trained

KILLS = 20

# Imports take seconds, so one process makes them and forks a releasing child for every line it is sent. The child says
# its number after its first release, which is slower than the rest.
RELEASER = """
import itertools, os, sys
from dataclasses import replace
from pathlib import Path
from tabi.registry import release
from tabi.workspace import Workspace
root, store, *runs = sys.argv[1:]
workspace = replace(Workspace.find(Path(root), {}), store=Path(store))
for _ in sys.stdin:
    runs.reverse()
    child = os.fork()
    if child == 0:
        for count, run in enumerate(itertools.cycle(runs)):
            release(workspace, "shop", run)
            if count == 0:
                print(os.getpid(), flush=True)
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
    command = [sys.executable, "-c", RELEASER, str(workspace.root), str(workspace.store), *trained.runs]
    moments = random.Random(2)
    store = Store(workspace.store)
    seen = set()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as releaser:
        assert releaser.stdin is not None
        assert releaser.stdout is not None
        for _ in range(KILLS):
            releaser.stdin.write("\n")
            releaser.stdin.flush()
            child = int(releaser.stdout.readline())
            time.sleep(moments.uniform(0, 2 * duration))
            subprocess.run(["kill", f"-{signal.SIGKILL}", str(child)], check=True)
            assert releaser.stdout.readline() == "dead\n"
            latest = store.latest(trained.name)
            assert latest is not None
            assert latest.id in ids
            seen.add(latest.id)
            assert Bundle.open(store.open_path(trained.name)).id == latest.id
            assert [finding for finding in store.verify() if finding.severity == "error"] == []
        releaser.stdin.close()
    assert seen == ids, "no kill fell between two releases, so nothing was proved"
