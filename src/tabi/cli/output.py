"""Long output. Unbuffered, as containers and make run Python, print() loses what a pipe does not take at once."""

from __future__ import annotations

import sys


def write_line(content: bytes) -> None:
    """Write all of a line to stdout, however long it is."""
    stream = sys.stdout.buffer
    rest = memoryview(content + b"\n")
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()
