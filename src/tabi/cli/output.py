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


def warn_of(problem: str | None) -> None:
    """Say on stderr what is wrong and yet let pass, such as a bundle that is not trusted."""
    if problem is not None:
        sys.stderr.write(f"tabi: warning: {problem}\n")
