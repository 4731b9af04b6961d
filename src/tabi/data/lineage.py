"""What a snapshot was made from."""

from __future__ import annotations

import msgspec

from tabi.data.origin import Parent
from tabi.data.snapshot import Snapshot


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """The way from a snapshot back to its source, each step by its digest.

    `digest`: the snapshot's. `query`: the digest of the SELECT. `md5`: under which DVC tracks the snapshot.
    """

    digest: str
    source: str
    fetched_at: str
    query: str | None
    parents: tuple[Parent, ...]
    md5: str | None


def lineage_of(snapshot: Snapshot) -> Lineage:
    """The lineage that the snapshot's description holds. Of one from before there was lineage: its source only."""
    return Lineage(**{name: getattr(snapshot, name) for name in Lineage.__struct_fields__})
