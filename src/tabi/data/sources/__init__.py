"""Where rows come from. A source is named by a URI, `scheme:rest`.

Each module of this package is one scheme, by its name, and has one function:
`open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened`. A new scheme is a new file here.
"""

from __future__ import annotations

import importlib
import pkgutil

from tabi.data.origin import Opened, refuse_password, refuse_secrets
from tabi.errors import ConfigError
from tabi.workspace import Workspace

# schemes whose rows are the answer to a query
QUERIED = frozenset({"sql"})


def schemes() -> list[str]:
    """The schemes that there are, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_source(uri: str, workspace: Workspace, query: str | None = None) -> Opened:
    """All rows of a source, target included, as they come, in batches that are read as they are asked for.

    `ConfigError` if the URI is not one of a known scheme, holds a password, or lacks or does not take a query. Reading
    the batches raises `SourceError` if the rows cannot be had.
    """
    refuse_secrets(uri)
    refuse_password(query or "")
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest:
        raise ConfigError(f"source {uri!r} is not of the form scheme:rest, such as csv:data/rows.csv")
    if scheme not in schemes():
        raise ConfigError(f"source {uri!r} has an unknown scheme; known: {', '.join(schemes())}")
    if (scheme in QUERIED) is not bool(query and query.strip()):
        raise ConfigError(
            f"source {uri!r} needs a `query`, the SELECT of its rows"
            if scheme in QUERIED
            else f"`query` is for {' and '.join(sorted(QUERIED))} sources, and the source is {uri!r}"
        )
    opened: Opened = importlib.import_module(f"{__name__}.{scheme}").open_rows(rest, workspace, query)
    return opened
