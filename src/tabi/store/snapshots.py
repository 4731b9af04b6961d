"""Where a model's snapshots and its pointer lie in the store, and what their names may be.

models/<name>/snapshots/<id>/...          a bundle, written once; manifest.json is written last
models/<name>/latest/manifest.json        the pointer: a copy of the manifest of the snapshot it points to
"""

from __future__ import annotations

import re

import msgspec

from tabi.errors import ConfigError, StoreError
from tabi.store.listing import MANIFEST, FileEntry, Sha256, list_problem

MODELS = "models"
SNAPSHOTS = "snapshots"
LATEST = "latest"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_ID = re.compile(r"[0-9a-f]{64}")


class Listing(msgspec.Struct, frozen=True):
    """What the store needs of a bundle's manifest; the rest of it is the bundle's own matter."""

    id: Sha256
    name: str
    files: tuple[FileEntry, ...]


def is_name(text: str) -> bool:
    """Whether `text` may be a model's name: lower-case letters, digits, `_`, `.`, `-`, no sign first, at most 100."""
    return len(text) <= 100 and _NAME.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether `text` has the form of a bundle id."""
    return _ID.fullmatch(text) is not None


def checked_name(text: str) -> str:
    """`text` if it may be a model's name, else `ConfigError`."""
    if not is_name(text):
        raise ConfigError(
            f"{text[:100]!r} cannot be a model's name: use a-z, 0-9, '_', '.' and '-', a letter or digit first"
        )
    return text


def pointer_key(name: str) -> str:
    """Key of a model's pointer."""
    return f"{MODELS}/{name}/{LATEST}/{MANIFEST}"


def snapshots_key(name: str) -> str:
    """Key under which a model's snapshots lie."""
    return f"{MODELS}/{name}/{SNAPSHOTS}"


def snapshot_key(name: str, identity: str) -> str:
    """Key under which one snapshot's files lie."""
    return f"{snapshots_key(name)}/{identity}"


def read_listing(data: bytes, where: str) -> Listing:
    """The listing in a manifest's bytes; `StoreError` naming `where` if they are no sound manifest."""
    try:
        listing = msgspec.json.decode(data, type=Listing)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StoreError(f"{where} is not a manifest: {error}") from error
    problem = list_problem(listing.files, listing.id)
    if problem is not None:
        raise StoreError(f"{where} {problem.problem}")
    return listing
