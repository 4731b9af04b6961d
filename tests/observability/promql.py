"""Which series and labels an expression names. Not a parser: ours are checked by promtool, this only reads names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_strings = re.compile(r'"[^"]*"')
_grouping = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")
_name = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_words = frozenset(
    {"and", "or", "unless", "by", "on", "ignoring", "without", "group_left", "group_right", "bool", "Inf"}
)


class Named(NamedTuple):
    """A selector's series and the labels that it asks for."""

    series: str
    labels: frozenset[str]


def selectors(expr: str) -> Iterator[Named]:
    """Every selector of an expression."""
    text = _strings.sub('""', expr)
    text = _grouping.sub("", text)
    text = re.sub(r"\[[^]]*\]", "", text)
    text = re.sub(r"(?<![\w:])\d[\d.]*(e[+-]?\d+)?", "", text)
    for found in re.finditer(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\(|\{([^}]*)\})?", text):
        name, call, inner = found.groups()
        # the names inside braces are labels
        if name in _words or call == "(" or _inside_braces(text, found.start()):
            continue
        yield Named(name, frozenset(_name.findall(inner or "")))


def grouped(expr: str) -> set[str]:
    """The labels by which an expression groups or joins."""
    return {label for inner in _grouping.findall(_strings.sub('""', expr)) for label in _name.findall(inner)}


def _inside_braces(text: str, place: int) -> bool:
    return text.count("{", 0, place) > text.count("}", 0, place)
