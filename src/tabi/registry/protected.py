"""Which bundles the state database refers to: they are never removed, whatever the store says of them."""

from __future__ import annotations

import re

from tabi.workspace import Workspace

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SQLITE = "sqlite:///"


def protected_ids(workspace: Workspace) -> set[str]:
    """Every id in any row of the state database; none where there is no database yet, and none is made.

    All texts are searched: a new table or a new kind of audit row protects what it names without being known here.
    """
    url = workspace.state_url
    if url.startswith(_SQLITE) and not (workspace.root / url.removeprefix(_SQLITE)).exists():
        return set()
    from sqlalchemy import String, select

    from tabi.state import Database
    from tabi.state.tables import metadata

    found: set[str] = set()
    database = Database.of(workspace)
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            texts = [column for column in table.columns if isinstance(column.type, String)]
            for row in connection.execute(select(*texts)):
                found.update(identity for text in row if text for identity in _ID.findall(text))
    database.engine.dispose()
    return found
