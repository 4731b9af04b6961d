"""What a process of large requests is given on stdin when it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import msgspec

from tabi.serving.settings import Settings


class Orders(msgspec.Struct, frozen=True):
    """`folder`: that all processes of the server share. `number`: under which it counts and logs.

    `line`: the file descriptor of a socket, known once the process is about to be started.
    """

    settings: Settings
    folder: Path
    number: int
    line: int = -1

    def to_json(self) -> bytes:
        """As `from_json` reads them."""
        return msgspec.json.encode(self, enc_hook=str)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(content, type=cls, dec_hook=lambda kind, text: kind(text))
