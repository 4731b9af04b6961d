"""`python -m benchmarks.incidents [PAGE …]`: make the failures of the runbooks, mend them, and write how long it took.

It needs a released breast_cancer in the workspace; the full disk needs root, alerts need Debian's Prometheus, and
`--image ID` those of containers, on the engine that DOCKER_HOST names. Writes docs/evidence/incidents.md and .json, and
the line of each runbook.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import free_port
from benchmarks.incidents import alerted, deployed, served, watched
from benchmarks.incidents.pages import keep
from benchmarks.incidents.scene import Found, Scene
from benchmarks.rollback import make_home
from tabi.store import Store
from tabi.workspace import Workspace

ONE = {**deployed.INCIDENTS, **served.INCIDENTS}
MANY = {
    **alerted.SERIES,
    "monitor": (("performance-lost", "monitor-fails", "monitor-silent"), watched.monitored),
}
MODEL = "breast_cancer"


@contextmanager
def scene_of(image: str) -> Iterator[Scene]:
    """A home of its own with two versions of the model."""
    workspace = Workspace.find()
    bundle = Store(workspace.models).resolve(MODEL)
    with tempfile.TemporaryDirectory(prefix="tabi-incident-") as folder:
        home = make_home(bundle, workspace.projects / MODEL, Path(folder))
        for path in (Path(folder), home.workspace.store):
            path.chmod(0o755)
        yield Scene(home, free_port(), image)


def make(wanted: list[str], image: str) -> Iterator[Found]:
    """Each in a scene of its own."""
    one = {**ONE, **(deployed.IN_CONTAINERS if image else {})}
    for page, incident in one.items():
        if not wanted or page in wanted:
            with scene_of(image) as scene:
                yield incident(scene)
    for pages, series in MANY.values():
        if not wanted or set(pages) & set(wanted):
            with scene_of(image) as scene:
                yield from series(scene)


def main() -> None:
    """Make, mend, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incidents", description=__doc__)
    parser.add_argument("pages", nargs="*", help="the runbooks' pages; default: all that can be made")
    parser.add_argument("--image", default="", help="an image's id; without it none is made in a container")
    given = parser.parse_args()
    # who ends it leaves no server behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for found in make(given.pages, given.image):
        print(found.page, found.seen_s and round(found.seen_s, 2), round(found.mended_s, 2), flush=True)
        keep(found, os.getloadavg()[0])


if __name__ == "__main__":
    main()
