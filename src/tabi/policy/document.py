"""The policy document of a model, one JSON object that is replaced whole.

Whoever replaces it decides, in that one write, which version is the champion: there is no moment with two, and none
without. Laws: `read_policy(policy.to_json(), …) == policy`; a successor has the next revision.

To add a kind: a struct with the kind as its tag, its name in `Policy`, and its versions in `uses`. A reader of before
refuses the document by its kind, and goes on with what it had.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from tabi.errors import StoreError

LIMIT = 1 << 16


class Assigned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version: its number, and the id of its bundle, so that nobody needs to look the number up."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    bundle: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind has.

    `previous`: the version to which a rollback returns. `revision`: 1, 2, 3 … `operation`: the id of the operation that
    wrote it, in the state database. `at`, `by`: when and by whom.
    """

    name: str
    champion: Assigned
    previous: Assigned | None = None
    revision: Annotated[int, msgspec.Meta(ge=1)] = 1
    operation: str = ""
    at: str = ""
    by: str = ""

    def to_json(self) -> bytes:
        """Indented UTF-8 JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @property
    def uses(self) -> tuple[Assigned, ...]:
        """Every version that the policy needs, each once."""
        return tuple(dict.fromkeys(each for each in (self.champion, self.previous) if each is not None))


class Single(_Document, frozen=True, kw_only=True, tag="single"):
    """All traffic goes to the champion."""

    @property
    def kind(self) -> str:
        """What the document says under `kind`."""
        return "single"


Policy = Single
"""One of the kinds; now there is one."""


def read_policy(data: bytes, where: str) -> Policy:
    """The policy in a document's bytes; `StoreError` naming `where` if it is none, or of a kind that is not known."""
    try:
        return msgspec.json.decode(data, type=Policy)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StoreError(f"{where} is no policy that this Tabi knows ({error}): update Tabi or restore it") from error
