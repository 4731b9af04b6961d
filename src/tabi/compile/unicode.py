"""What Python takes characters for, as tables and patterns that a graph can hold.

Everything is asked of Python itself over all characters, so that the graph keeps the Unicode version of the training
whatever runtime serves it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache

SIGMA, FINAL_SIGMA, CAPITAL_SIGMA = "\u03c3", "\u03c2", "\u03a3"
# every character that UTF-8 can write, in order
_SURROGATES = range(0xD800, 0xE000)
CHARACTERS = "".join(map(chr, (*range(_SURROGATES.start), *range(_SURROGATES.stop, sys.maxunicode + 1))))


@cache
def lowered() -> dict[str, str]:
    """What `str.lower` makes of each character that it changes, alone in its text."""
    return {c: lower for c in CHARACTERS if (lower := c.lower()) != c}


@cache
def unlowered() -> frozenset[str]:
    """Characters that never stand in a lowercased text."""
    return frozenset(lowered()) - {c for text in lowered().values() for c in text}


@cache
def spaces() -> tuple[str, ...]:
    r"""The white space of `str.split` and of `\s`, the blank first."""
    return (" ", *(c for c in re.findall(r"\s", CHARACTERS) if c != " "))


def in_word(character: str) -> bool:
    r"""Whether a character is `\w`."""
    return re.fullmatch(r"\w", character) is not None


@cache
def word_pattern(*, lowercase: bool) -> str:
    r"""A pattern of the characters that are `\w`, or that `str.lower` makes so."""
    changed = lowered() if lowercase else {}
    # a character that becomes several counts by the last of them
    text = "".join(changed.get(c, c)[-1] for c in CHARACTERS) if lowercase else CHARACTERS
    return _pattern(match.span() for match in re.finditer(r"\w+", text))


@cache
def cased_pattern() -> str:
    """A pattern of the characters that have a case: before one of them Σ becomes σ, else at its word's end ς.

    Those that have a case but are skipped are left out.
    """
    return _pattern(match.span() for match in re.finditer(f"{SIGMA}+", _sigmas_before("")))


@cache
def skipped_pattern() -> str:
    """A pattern of the characters that are skipped in looking for a letter beside Σ."""
    found = zip(_sigmas_before(""), _sigmas_before("A"), strict=True)
    skipped = "".join("x" if pair == (FINAL_SIGMA, SIGMA) else " " for pair in found)
    return _pattern(match.span() for match in re.finditer("x+", skipped))


def _sigmas_before(after: str) -> str:
    """What Σ becomes between a letter and each character with `after` behind it."""
    length = 4 + len(after)
    # one text for all, as 1.1 million small ones take seconds; what becomes longer would move what follows
    alone = "".join("x" if len(lowered().get(c, c)) > 1 else c for c in CHARACTERS)
    found = "".join([f"A{CAPITAL_SIGMA}{c}{after} " for c in alone]).lower()[1::length]
    return "".join(
        f"A{CAPITAL_SIGMA}{c}{after}".lower()[1] if len(lowered().get(c, c)) > 1 else sigma
        for c, sigma in zip(CHARACTERS, found, strict=True)
    )


def _pattern(spans: Iterable[tuple[int, int]]) -> str:
    """A regular expression of exactly the characters in these spans of `CHARACTERS`, in a form that RE2 reads."""
    ranges = (rf"\x{{{ord(CHARACTERS[a]):x}}}-\x{{{ord(CHARACTERS[b - 1]):x}}}" for a, b in spans)
    return f"[{''.join(ranges)}]"
