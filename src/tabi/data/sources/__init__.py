"""Where rows come from. A source is named by a URI, `scheme:rest`.

Each module of this package is one scheme, by its name, and has one function:
`fetch(rest: str, workspace: Workspace) -> pandas.DataFrame`. A new scheme is a new file here.
"""

from __future__ import annotations

import importlib
import pkgutil

import pandas as pd

from tabi.errors import ConfigError
from tabi.workspace import Workspace


def schemes() -> list[str]:
    """The schemes that there are, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def fetch_rows(uri: str, workspace: Workspace) -> pd.DataFrame:
    """All rows of a source, target included, as they come.

    `ConfigError` if the URI is not one of a known scheme, `SourceError` if its rows cannot be had.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest:
        raise ConfigError(f"source {uri!r} is not of the form scheme:rest, such as csv:data/rows.csv")
    if scheme not in schemes():
        raise ConfigError(f"source {uri!r} has an unknown scheme; known: {', '.join(schemes())}")
    rows: pd.DataFrame = importlib.import_module(f"{__name__}.{scheme}").fetch(rest, workspace)
    return rows
