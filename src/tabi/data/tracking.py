"""The snapshot as a file that DVC tracks, where the project sits in a DVC repository.

`projects/<project>/snapshot.dvc` names the snapshot's file by the MD5 that DVC knows it by, and carries the snapshot's
digest in its `meta`; the snapshot's description carries the MD5. So a commit of the repository leads to the data of a
model, and a model to the commit of its data.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import yaml

from tabi.data.commands import find_dvc, run
from tabi.data.files import md5_of
from tabi.data.snapshot import Snapshot, note_md5, snapshots_of
from tabi.errors import StoreError
from tabi.workspace import Workspace

TRACKED = "snapshot.dvc"


class Tracked(msgspec.Struct, frozen=True):
    """`file`: the .dvc file to commit. `cached`: whether DVC has taken the data into its cache."""

    file: Path
    snapshot: Snapshot
    cached: bool


def track(workspace: Workspace, project: str, snapshot: Snapshot) -> Tracked | None:
    """Leave the snapshot as a tracked file; `None` where project or store lie in no DVC repository.

    Where the `dvc` command is installed, the data is also taken into DVC's cache, ready for `dvc push`; else
    `dvc commit` does that later.
    """
    root, folder = _repository(workspace.root), workspace.projects / project
    if root is None or not snapshot.path.resolve().is_relative_to(root) or not folder.is_dir():
        return None
    noted = note_md5(snapshot, md5_of(snapshot.path))
    file = folder / TRACKED
    try:
        file.write_text(_document(noted, folder), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
    command = find_dvc()
    if command is not None:
        run([command, "commit", "--force", str(file)], root, f"{file} cannot be taken into DVC's cache")
    return Tracked(file, noted, command is not None)


def snapshot_of_tracked(workspace: Workspace, project: str, md5: str) -> Snapshot | None:
    """The snapshot whose file DVC knows by this MD5."""
    return next((found for found in snapshots_of(workspace, project) if found.md5 == md5), None)


def _repository(start: Path) -> Path | None:
    here = start.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc" / "config").is_file()), None)


def _document(snapshot: Snapshot, folder: Path) -> str:
    data = snapshot.path.resolve()
    document = {
        "wdir": Path(os.path.relpath(data.parent, folder.resolve())).as_posix(),
        "outs": [{"md5": snapshot.md5, "size": data.stat().st_size, "hash": "md5", "path": data.name}],
        "meta": {"tabi": {"digest": snapshot.digest, "rows": snapshot.rows}},
    }
    return yaml.safe_dump(document, sort_keys=False)
