"""The chain itself, without a database: what a row is, its canonical JSON and its hash.

Law: `canonical(json.loads(canonical(v))) == canonical(v)`, so a row that was exported can be hashed again by anybody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tabi.errors import ConfigError

ORIGIN = "0" * 64
"""The hash before the first row."""


class Act(NamedTuple):
    """What is recorded of one act. `before` and `after` are canonical JSON of what of the object changed."""

    actor: str
    kind: str
    action: str
    object: str
    before: str
    after: str
    reason: str


class Row(NamedTuple):
    """An act in its place of the chain. `previous` is the hash of the row before, `hash` its own."""

    number: int
    at: str
    actor: str
    kind: str
    action: str
    object: str
    before: str
    after: str
    reason: str
    previous: str
    hash: str

    def document(self) -> dict[str, Any]:
        """The row as JSON holds it, `before` and `after` as objects."""
        return self._asdict() | {"before": json.loads(self.before), "after": json.loads(self.after)}


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, letters as they are. `ValueError` for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_of(value: Mapping[str, Any]) -> str:
    """The same of any mapping: keys that are no texts become texts first, so that they sort as such."""
    try:
        return canonical(json.loads(json.dumps(value)))
    except (TypeError, ValueError):
        raise ConfigError("what changed cannot be recorded: it holds what JSON cannot hold, such as NaN") from None


def hash_of(row: Row) -> str:
    """SHA-256 over the canonical JSON of every field but the hash. `ValueError` if a field is not what it must be."""
    if not all(isinstance(field, str) for field in row[1:]):
        raise ValueError("a field is not text")
    document = row.document()
    if canonical(document["before"]) != row.before or canonical(document["after"]) != row.after:
        raise ValueError("a document is not canonical")
    del document["hash"]
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def follow(act: Act, at: str, number: int, previous: str) -> Row:
    """The row of an act behind the row `number`, whose hash is `previous`."""
    unsealed = Row(number + 1, at, *act, previous, "")
    return unsealed._replace(hash=hash_of(unsealed))
