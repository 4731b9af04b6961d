"""`parquet:PATH`: a Parquet file. The path is relative to the workspace."""

from __future__ import annotations

import pandas as pd

from tabi.errors import SourceError
from tabi.workspace import Workspace


def fetch(rest: str, workspace: Workspace) -> pd.DataFrame:
    """The rows of the file."""
    import pyarrow as pa

    path = workspace.root / rest
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}: mend `source` in the project's config.yaml") from None
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is not readable as Parquet: write the file again") from error
