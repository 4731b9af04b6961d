"""`dvc:PATH@REV`, or `dvc:REPOSITORY#PATH@REV`: a file or folder at a revision of a repository under DVC.

PATH is Parquet or CSV, or a folder of such; REV is a commit, a tag or a branch, and the commit that it names is
recorded. Without REPOSITORY it is the repository that the workspace lies in, and PATH is relative to the workspace. The
`dvc` command fetches the file from the repository's remote, with the remote's own settings; `dvc get` keeps no copy.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tabi.data.commands import find_dvc, run
from tabi.data.csv_rows import batches_of_csv
from tabi.data.files import files_of, md5_of
from tabi.data.origin import Opened, Parent
from tabi.data.parquet_rows import batches_of_parquet
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Place(NamedTuple):
    """A path in a repository at a revision."""

    repository: str
    path: str
    revision: str


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The rows of the file or files."""
    repository, _, file = rest.rpartition("#")
    path, at, revision = file.rpartition("@")
    if not at or not path or not revision:
        raise ConfigError(f"source 'dvc:{rest}' needs a path and a revision, such as dvc:data/rows.parquet@v1")
    command = find_dvc()
    if command is None:
        raise ConfigError(f"source 'dvc:{rest}' needs the dvc command: install the extra tabi[dvc]")
    opened = Opened(())
    opened.batches = _batches(command, Place(repository, path, revision), workspace, opened)
    return opened


def _batches(command: str, asked: Place, workspace: Workspace, opened: Opened) -> Iterator[pd.DataFrame]:
    place = _resolved(asked, workspace)
    workspace.store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.store, prefix=".dvc-") as folder:
        # with its own suffix, by which it is read; a quiet dvc would not say what is wrong
        out = Path(folder) / Path(place.path).name
        get = [
            command,
            "get",
            "--rev",
            place.revision,
            "--out",
            str(out),
            "--",
            place.repository,
            place.path,
        ]
        run(get, workspace.root, f"{asked.path!r} at {asked.revision!r} cannot be fetched")
        files = _files(out, asked.path)
        if files[0].suffix == ".csv":
            yield from batches_of_csv(files)
        else:
            for file in files:
                yield from batches_of_parquet(file, f"{asked.path!r} at {asked.revision!r}")
        for file in files:
            name = "/".join((place.path, *file.relative_to(out).parts))
            opened.parents.append(_parent(place, asked.repository, name, md5_of(file)))


def _parent(place: Place, repository: str, name: str, md5: str) -> Parent:
    # a path of the workspace's own repository means the same on every machine
    told = f"{repository}#{name}" if repository else name
    return Parent(kind="dvc", name=told, digest=f"md5:{md5}", revision=place.revision)


def _files(out: Path, path: str) -> list[Path]:
    if not out.is_dir() and out.suffix not in {".csv", ".parquet"}:
        raise SourceError(f"{path!r} is neither .csv nor .parquet: track it under such a name")
    if out.is_dir() and not any(out.rglob("*.parquet")):
        return files_of(out, ".csv")
    return files_of(out, ".parquet")


def _resolved(asked: Place, workspace: Workspace) -> Place:
    """The place by the commit that its revision names now, where git can tell."""
    doing = f"revision {asked.revision!r} cannot be found"
    if not asked.repository or Path(workspace.root, asked.repository).is_dir():
        folder = workspace.root / asked.repository
        root = Path(run(["git", "rev-parse", "--show-toplevel"], folder, doing).strip())
        commit = run(["git", "rev-parse", "--verify", "--end-of-options", f"{asked.revision}^{{commit}}"], root, doing)
        path = (
            asked.path if asked.repository else (folder.resolve() / asked.path).relative_to(root.resolve()).as_posix()
        )
        return Place(str(root), path, commit.strip())
    if _COMMIT.fullmatch(asked.revision):
        return asked
    found = run(
        ["git", "ls-remote", "--", asked.repository, asked.revision, f"{asked.revision}^{{}}"], workspace.root, doing
    )
    # of a tag with a message git names the tag first and its commit last
    commits = [line.split()[0] for line in found.splitlines() if line.strip()]
    return asked._replace(revision=commits[-1] if commits else asked.revision)
