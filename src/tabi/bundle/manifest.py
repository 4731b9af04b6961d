"""The manifest: what a bundle is, where it comes from, and the list of its files."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tabi.bundle.layout import FORMAT
from tabi.store import FileEntry
from tabi.store.listing import Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.json`, which lists every other file of the bundle and makes them one thing.

    `id` is the digest of `files` (sorted by path, names included). The other fields are not part of it: only a
    signature over the manifest will vouch for them.

    `created`: ISO 8601 in UTC. `run`: the tracked training. `snapshot`, `environment`: digests of the rows and of the
    lock file that it was made from. `runtime`: version specifier by requirement, such as {"onnxruntime": ">=1.22"}.
    """

    id: Sha256
    name: str
    created: str
    git_commit: str
    run: str
    snapshot: str
    environment: str
    runtime: dict[str, str]
    files: tuple[FileEntry, ...]
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class Threshold(msgspec.Struct, frozen=True):
    """`threshold.json`: the probability from which the positive label is given, and the criterion that chose it."""

    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)]
    criterion: str
