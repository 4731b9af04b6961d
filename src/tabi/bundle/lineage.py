"""What a bundle was made from: `lineage.json`. Everything is named by its digest, so that it can be looked for."""

from __future__ import annotations

import msgspec


class Ancestor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a snapshot's rows came from, such as a file or an object of a bucket.

    `name`: a path or address, never with a secret. `digest`: of its content, as `sha256:…` or `etag:…`. `revision`: the
    commit of the repository that it was read at.
    """

    kind: str
    name: str
    digest: str | None = None
    revision: str | None = None


class Lineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parents of a bundle.

    `run`: of the tracking. `snapshot`, `config`, `code`, `environment`: SHA-256 of the rows, of the composed
    `config.yaml`, of the project's own `pipeline.py` and of the list of packages. `source`: where the snapshot was
    fetched from, by the query whose digest is `query`, out of `ancestors`. `dirty`: whether files differed from
    `commit`. `teacher`: the bundle whose probabilities were learnt.
    """

    run: str
    snapshot: str
    source: str
    config: str
    environment: str
    commit: str
    dirty: bool = False
    query: str | None = None
    ancestors: tuple[Ancestor, ...] = ()
    code: str | None = None
    teacher: str | None = None

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
