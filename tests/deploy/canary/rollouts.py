"""A model with two versions in a real registry, and counters that a test gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tabi.deploy.canary.judge import Bounds
from tabi.deploy.canary.meter import ArmCounts
from tabi.deploy.canary.run import Plan
from tabi.deploy.history import Place
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED, NAME, governed, make_tracked, registered

PLACE = Place(NAME, "local", "dev")
PLAN = Plan((0.1, 1.0), 0.0, bounds=Bounds(least=50), look=0.0)


def stock(folder: Path) -> Path:
    """A home in which version 1 is the champion, and version 2 waits."""
    root = folder / "home"
    (folder / "tracked").mkdir()
    tracked = make_tracked(folder / "tracked")
    workspace = governed(root, tracked)
    for seed in (1, 2):
        registered(workspace, tracked, seed)
    promote(replace(workspace, tracking_uri=CLOSED), NAME, 1)
    return root


def copied(stocked: Path, folder: Path) -> Workspace:
    """A home of one's own, without a tracking server, which takes most of the time."""
    home = folder / "home"
    shutil.copytree(stocked, home)
    return replace(Workspace.find(home, {"TABI_HOME": str(home)}), tracking_uri=CLOSED)


class Told:
    """Counters that grow by so much at each look; `before` is called at each."""

    silence = 30.0

    def __init__(self, workspace: Workspace, errors: float = 0.0, before: Callable[[int], None] | None = None) -> None:
        versions = Room.open(workspace).versions(NAME)
        self._one, self._two = (version.bundle for version in versions)
        self._errors, self._before, self.looks = errors, before, 0

    def read(self) -> dict[str, ArmCounts]:
        self.looks += 1
        if self._before is not None:
            self._before(self.looks)
        done = 100.0 * self.looks
        return {self._one: ArmCounts(done, 0), self._two: ArmCounts(done, done * self._errors)}

    def problem(self, bundle: str) -> str | None:  # noqa: ARG002
        return None
