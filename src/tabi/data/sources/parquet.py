"""`parquet:PATH`: a Parquet file, or a folder of such. The path is relative to the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tabi.data.files import file_parents, files_of
from tabi.data.origin import Opened
from tabi.data.parquet_rows import batches_of_parquet
from tabi.workspace import Workspace


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The rows of the file or files."""
    opened = Opened(())
    opened.batches = _batches(workspace.root / rest, workspace.root, opened)
    return opened


def _batches(path: Path, root: Path, opened: Opened) -> Iterator[pd.DataFrame]:
    files = files_of(path, ".parquet")
    for file in files:
        yield from batches_of_parquet(file, str(file))
    opened.parents += file_parents(files, root)
