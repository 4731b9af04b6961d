"""One deployment at a time for each place.

The system lets go of the file however its process ends: who gets it next knows that nobody is at work any more. It
holds among the processes of one workspace; several machines need one queue, as the workflow's concurrency group is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tabi.deploy.history import Place
from tabi.errors import ConflictError
from tabi.workspace import Workspace


@contextmanager
def held(workspace: Workspace, place: Place) -> Iterator[None]:
    """Hold a place; `ConflictError` while another process does."""
    folder = workspace.deployed
    folder.mkdir(parents=True, exist_ok=True)
    # of local targets each model has its own server, of the others one server may have several models
    whose = f"-{place.name}" if place.target == "local" else ""
    path = folder / f"{place.target}-{place.environment}{whose}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"another deployment of {place} is under way: wait, then look with `tabi deployments {place.name}`"
            ) from None
        yield
    finally:
        os.close(descriptor)
