"""`csv:PATH`: a comma-separated UTF-8 file with a header line, or a folder of such. Relative to the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tabi.data.csv_rows import batches_of_csv
from tabi.data.files import file_parents, files_of
from tabi.data.origin import Opened
from tabi.workspace import Workspace


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The rows of the file or files. A number is read to the last bit, as a server reads it from JSON."""
    opened = Opened(())
    opened.batches = _batches(workspace.root / rest, workspace.root, opened)
    return opened


def _batches(path: Path, root: Path, opened: Opened) -> Iterator[pd.DataFrame]:
    files = files_of(path, ".csv")
    yield from batches_of_csv(files)
    opened.parents += file_parents(files, root)
