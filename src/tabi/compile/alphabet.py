"""The symbols of a vectorizer: a number for every character that its terms hold, lowercased where it lowercases.

Characters that no term holds share one number: a run of symbols with it in can be no term, whichever they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from onnx import TensorProto

from tabi.compile import unicode
from tabi.compile.graph import Graph, Lane
from tabi.compile.sequences import (
    END,
    PADDING,
    characters_of,
    kept,
    matches,
    numbered,
    padded,
    places,
    replaced,
    symbol,
)

# a character that no term holds; of words: one that is in no word, and one that is
OTHER = 0
OTHER_IN_WORD = 1


@dataclass(frozen=True)
class Alphabet:
    """`numbers`: of each character, above those that are named here. `lowercase`: as `str.lower` does, before all else.

    `words`: whether other characters are told apart by whether words are made of them. `padding`: the number of what
    stands behind the end of a text.
    """

    numbers: dict[str, int]
    lowercase: bool
    words: bool = False
    padding: int = END
    _special: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.lowercase:
            return
        lowered = unicode.lowered().items()
        special = [c for c, lower in lowered if len(lower) > 1 and (self.words or self._holds(lower))]
        if self._holds((unicode.SIGMA, unicode.FINAL_SIGMA)):
            special.append(unicode.CAPITAL_SIGMA)
        first = 1 + max(self.numbers.values(), default=OTHER_IN_WORD)
        self._special.update({c: first + i for i, c in enumerate(special)})

    def symbols(self, graph: Graph, lane: Lane) -> str:
        """The symbols of each text: int64[N, T]."""
        characters = characters_of(graph, lane)
        found = numbered(graph, characters, self._table(), OTHER)
        if self.words:
            in_word = matches(graph, characters, unicode.word_pattern(lowercase=self.lowercase))
            other = graph.add("And", [in_word, graph.add("Equal", [found, symbol(graph, OTHER)])])
            found = graph.add("Where", [other, symbol(graph, OTHER_IN_WORD), found])
        if not self._special:
            return found
        # rare characters take a road of their own, which costs the others one comparison
        highest = graph.add("ReduceMax", [padded(graph, found, 0, 1, symbol(graph, END))], keepdims=0)
        rare = graph.add("GreaterOrEqual", [highest, symbol(graph, min(self._special.values()))])
        return graph.choose(rare, lambda: self._resolved(graph, found, characters), found)

    def _holds(self, characters: Iterable[str]) -> bool:
        return any(c in self.numbers for c in characters)

    def _table(self) -> dict[str, int]:
        """The number of each character as it stands in a text."""
        table = {**self.numbers, PADDING: self.padding}
        if self.lowercase:
            changed = unicode.lowered().items()
            table |= {c: self.numbers[lower] for c, lower in changed if lower in self.numbers}
        return {**table, **self._special}

    def _number(self, character: str) -> int:
        other = OTHER_IN_WORD if self.words and unicode.in_word(character) else OTHER
        return self.numbers.get(character, other)

    def _resolved(self, graph: Graph, symbols: str, characters: str) -> str:
        if unicode.CAPITAL_SIGMA in self._special:
            symbols = self._sigmas(graph, symbols, characters)
        pairs = {
            number: (self._number(lower[0]), self._number(lower[1]))
            for c, number in self._special.items()
            if len(lower := unicode.lowered()[c]) == 2
        }
        return replaced(graph, symbols, pairs, self.padding) if pairs else symbols

    def _sigmas(self, graph: Graph, symbols: str, characters: str) -> str:
        """Σ is ς behind a letter and before none, else σ. What is skipped in looking is left out on both sides."""
        seen = graph.add("Not", [matches(graph, characters, unicode.skipped_pattern())])
        cased = graph.add("Cast", [matches(graph, characters, unicode.cased_pattern())], to=TensorProto.INT64)
        sides = padded(graph, kept(graph, cased, seen, fill=0), 1, 1, symbol(graph, 0))
        place = places(graph, seen)
        letter = symbol(graph, 1)
        before = graph.add("Equal", [graph.add("GatherElements", [sides, place], axis=1), letter])
        behind = graph.add("Add", [place, symbol(graph, 2)])
        after = graph.add("Equal", [graph.add("GatherElements", [sides, behind], axis=1), letter])
        final = graph.add("And", [before, graph.add("Not", [after])])
        both = [symbol(graph, self._number(c)) for c in (unicode.FINAL_SIGMA, unicode.SIGMA)]
        lower = graph.add("Where", [final, *both])
        capital = graph.add("Equal", [symbols, symbol(graph, self._special[unicode.CAPITAL_SIGMA])])
        return graph.add("Where", [capital, lower, symbols])
