"""Pieces of Markdown. What comes from data or people into a table cannot end the cell, nor become a link or a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&$])")


def cell(text: object) -> str:
    """Any text on one line, as itself."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """A text in the face of code. One with backticks is shown as plain text."""
    plain = " ".join(str(text).split())
    return cell(plain) if "`" in plain or "|" in plain or not plain else f"`{plain}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; nothing where there is no row."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(head), "|" + "---|" * len(head), *lines]) if lines else ""


def section(title: str, *parts: str) -> str:
    """A heading and paragraphs; empty ones are left out, and the heading with them."""
    kept = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *kept]) if kept else ""


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}\n```"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
