"""What a target on this machine remembers: small JSON documents in a folder, each replaced whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from tabi.errors import NotFoundError

_Document = TypeVar("_Document", bound=msgspec.Struct)


class Notes:
    """The documents of one target below a folder. A kill leaves the one before or the one after, never a half."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a document lies, were it there."""
        return self.folder / f"{name}.json"

    def read(self, name: str, kind: type[_Document]) -> _Document | None:
        """A document; None where there is none."""
        try:
            return msgspec.json.decode(self.path(name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None

    def known(self, name: str, kind: type[_Document]) -> _Document:
        """A document that must be there; `NotFoundError` where it is not."""
        found = self.read(name, kind)
        if found is None:
            raise NotFoundError(f"{Path(name).name} is not known on this machine: there is no {self.path(name)}")
        return found

    def write(self, name: str, document: msgspec.Struct) -> None:
        """Write or replace a document."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        half.replace(path)

    def drop(self, name: str) -> None:
        """Remove a document, if it is there."""
        self.path(name).unlink(missing_ok=True)
