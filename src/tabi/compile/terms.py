"""The terms of a fitted vectorizer as runs of symbols, and its alphabet.

A vocabulary that a user gave may hold what no text can give, such as a term with a capital letter behind
`lowercase=True`. Such a term has no run, and its column is always 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tabi.compile import unicode
from tabi.compile.alphabet import OTHER, OTHER_IN_WORD, Alphabet

# the least letters of a word, by token pattern
TOKEN_LENGTHS = {
    prefix + token: length
    for prefix in ("(?u)", "")
    for token, length in ((r"\b\w\w+\b", 2), (r"\w\w+", 2), (r"\b\w+\b", 1), (r"\w+", 1))
}
# no symbol of a text is this or less
_NEVER = -3
BLANK = " "


@dataclass(frozen=True)
class Terms:
    """`runs`: of each column in order. `blank`: the column that counts blanks around words, if there is one."""

    alphabet: Alphabet
    runs: tuple[tuple[int, ...], ...]
    blank: int | None = None


def word_terms(vectorizer: Any) -> Terms:
    """A run of words: the letters of each, with a boundary before, between and behind them."""
    terms = [[] if term is None else term.split(BLANK) for term in _possible(vectorizer, _is_word_term)]
    numbers = _numbers((c for words in terms for word in words for c in word), OTHER_IN_WORD + 1)
    alphabet = Alphabet(numbers, vectorizer.lowercase, words=True, padding=OTHER)
    runs = []
    for words in terms:
        run = [symbol for word in words for symbol in (OTHER, *(numbers[c] for c in word))]
        runs.append((*run, OTHER) if run else ())
    return Terms(alphabet, _with_never(runs))


def character_terms(vectorizer: Any) -> Terms:
    """A run of characters, each white space being one of its own."""
    terms = _possible(vectorizer, _is_character_term)
    spaces = {c: i for i, c in enumerate(unicode.spaces(), start=1)}
    white = any(c in spaces for term in terms if term for c in term)
    numbers = spaces if white else {}
    numbers = {**numbers, **_numbers((c for t in terms if t for c in t if c not in numbers), 1 + len(numbers))}
    runs = [tuple(numbers[c] for c in term or "") for term in terms]
    return Terms(Alphabet(numbers, vectorizer.lowercase), _with_never(runs))


def bounded_terms(vectorizer: Any) -> Terms:
    """A run of characters of one word, with a blank for its boundary."""
    terms = _possible(vectorizer, _is_bounded_term)
    numbers = dict.fromkeys(unicode.spaces(), 1)
    numbers |= _numbers((c for t in terms if t for c in t if c not in numbers), 2)
    runs = [tuple(numbers[c] for c in term or "") for term in terms]
    blank = terms.index(BLANK) if BLANK in terms else None
    return Terms(Alphabet(numbers, vectorizer.lowercase, padding=1), _with_never(runs), blank)


def _numbers(characters: Any, first: int) -> dict[str, int]:
    return {c: first + i for i, c in enumerate(sorted(set(characters)))}


def _with_never(runs: list[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Where a term cannot stand in a text, a symbol that does not either."""
    return tuple(run or (_NEVER - i,) for i, run in enumerate(runs))


def _possible(vectorizer: Any, possible: Any) -> list[str | None]:
    """The term of each column, None where no text can give it."""
    unlowered = unicode.unlowered() if vectorizer.lowercase else frozenset()
    terms: list[str | None] = [None] * len(vectorizer.vocabulary_)
    for term, index in vectorizer.vocabulary_.items():
        if isinstance(term, str) and not unlowered.intersection(term) and possible(vectorizer, term):
            terms[index] = term
    return terms


def _is_word_term(vectorizer: Any, term: str) -> bool:
    fewest, most = vectorizer.ngram_range
    words, least = term.split(BLANK), TOKEN_LENGTHS[vectorizer.token_pattern]
    stop = vectorizer.get_stop_words() or ()
    return fewest <= len(words) <= most and all(
        len(word) >= least and all(map(unicode.in_word, word)) and word not in stop for word in words
    )


def _is_character_term(vectorizer: Any, term: str) -> bool:
    fewest, most = vectorizer.ngram_range
    white = [c.isspace() for c in term]
    return fewest <= len(term) <= most and not any(a and b for a, b in pairwise(white))


def _is_bounded_term(vectorizer: Any, term: str) -> bool:
    fewest, most = vectorizer.ngram_range
    inner = term.removeprefix(BLANK).removesuffix(BLANK)
    if any(c.isspace() for c in inner) or not 1 <= len(term) <= most:
        return False
    # a word that is shorter than all n-grams counts as a whole
    return len(term) >= fewest or (bool(inner) and term == BLANK + inner + BLANK)
