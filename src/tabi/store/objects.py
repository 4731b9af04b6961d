"""Objects by key: whole or absent, and one conditional write. Nothing here knows what a model is.

Two kinds offer these verbs: a folder (`tabi.store.folder`) and a bucket of S3 (`tabi.store.s3`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from tabi.store.listing import Difference, FileEntry


class Left(NamedTuple):
    """What a writer that was killed has left: a name that `discard` knows, and the time of it in seconds."""

    name: str
    modified: float


class Source(Protocol):
    """Of `Objects`, what a copy is made from."""

    @property
    def place(self) -> str: ...  # noqa: D102

    def read(self, key: str, limit: int) -> bytes | None: ...  # noqa: D102

    def chunks(self, key: str) -> Iterator[bytes]: ...  # noqa: D102


class Objects(Protocol):
    """Keys are POSIX paths. Nothing is created before the first write. What goes wrong is a `StoreError`."""

    @property
    def place(self) -> str:
        """Where the objects lie, for messages; it holds no secret."""
        ...

    def read(self, key: str, limit: int) -> bytes | None:
        """The object's bytes; None if there is none. `StoreError` if it is larger than `limit`."""
        ...

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object's bytes in pieces; `StoreError` if there is none."""
        ...

    def has(self, key: str) -> bool:
        """Whether there is an object of this key."""
        ...

    def is_group(self, key: str) -> bool:
        """Whether there are objects below this key, and none of it."""
        ...

    def children(self, key: str) -> list[str]:
        """Names directly below `key`, sorted; hidden ones as well."""
        ...

    def differences(self, key: str, files: Iterable[FileEntry]) -> Iterator[Difference]:
        """How what lies below `key` differs from a list of files, what stands beside the list aside."""
        ...

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write an object whole: a reader sees the old one or the new one. If `chunks` raises, nothing is written."""
        ...

    def replace(self, key: str, expected: str | None, data: bytes) -> str:
        """Compare-and-set: write `data` if the object's tag is still `expected` (None: no object); its new tag.

        `ConflictError` if it is another one by now. Two writers with the same `expected`: exactly one gets through,
        unless they write the same bytes.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove one object, if there is one."""
        ...

    def remove_group(self, key: str) -> None:
        """Remove everything below `key`. It is not done at once: what makes the group count is removed before."""
        ...

    def modified(self, key: str) -> float | None:
        """When anything at or below `key` was last written, in seconds since 1970; None if there is nothing."""
        ...

    def left(self) -> list[Left]:
        """What killed writers have left."""
        ...

    def discard(self, name: str) -> None:
        """Remove what a killed writer has left."""
        ...


def tag_of(data: bytes) -> str:
    """What tells one content of an object from another, as S3's ETag does."""
    return hashlib.sha256(data).hexdigest()
