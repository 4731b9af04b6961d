"""All rows of a source at once, which only small ones can give."""

import pandas as pd

from tabi.data.sources import open_source
from tabi.workspace import Workspace


def fetch_rows(uri: str, workspace: Workspace, query: str | None = None) -> pd.DataFrame:
    return pd.concat(open_source(uri, workspace, query).batches, ignore_index=True)
