"""A graph whose trees ask for categories -> one whose trees only compare numbers, and what to give it for a category.

ONNX Runtime walks trees of one kind of question in a tighter loop, and the texts never reach it. Of each column of
categories the tests of all nodes are sets of categories; `chains` makes ranks of them, and a test becomes
`rank <= place`. ONNX Runtime also lays the false side of a node next to it. So where the true side is the larger one,
which most rows take, the test becomes its opposite and the sides change places. Leaves and the order of the trees stay
as they are, so each row ends in the same leaves and their sum has the same bits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from math import inf, isnan, nextafter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.bundle.chains import chains_of, ranks
from tabi.bundle.session import NUMERIC
from tabi.bundle.sources import Code, Number, Sources, sources_of
from tabi.bundle.split import LEQ, MEMBER, Attributes, Split, members_of, split
from tabi.bundle.wire import fields_of, packed, parts, put, texts

# beyond these it would take longer to load than it saves
_MOST_BYTES, _MOST_NODES, _MOST_NUMBERS = 32 << 20, 50_000, 1 << 20
_MODEL_GRAPH, _GRAPH_NODE = 7, 1
_INPUT, _ATTRIBUTE, _ATTRIBUTE_NAME = 1, 5, 1
_TENSOR, _INTS, _KIND = 5, 8, 20
_KIND_TENSOR, _KIND_INTS = 4, 7
_BYTE, _DOUBLE = 2, 11

Floats = npt.NDArray[np.float64]


class Table(dict[str, bytes]):
    """The ranks of each category of a column, as they lie in memory; `other`: those of any other text."""

    def __init__(self, categories: dict[str, bytes], other: bytes) -> None:
        super().__init__(categories)
        self.other = other

    def __missing__(self, text: str) -> bytes:
        return self.other


class Ranked(NamedTuple):
    """`model`: `numeric` -> the whole graph's output. A row of `numeric`: what `tables` hold, one for each column of
    texts, then the numbers, then the same with the opposite sign. `thresholds`: those of each number, ascending.
    """

    model: bytes
    tables: list[Table]
    thresholds: list[Floats]

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(len(table.other) // 8 for table in self.tables) + 2 * len(self.thresholds)


def ranked(model: bytes) -> Ranked | None:
    """The other form of a model; None where it has none, or would be too large."""
    found = split(model) if len(model) <= _MOST_BYTES else None
    if found is None or len(found.trees["nodes_modes"]) > _MOST_NODES:
        return None
    try:
        return _Rewriting(found, sources_of(found.before)).done()
    except (ValueError, IndexError, KeyError):
        return None


class _Rewriting:
    def __init__(self, found: Split, sources: Sources) -> None:
        self._split = found
        self._sources = sources
        self._features: list[int] = list(found.trees["nodes_featureids"])
        self._modes: list[int] = found.trees["nodes_modes"].tolist()
        self._splits: list[float] = found.trees["nodes_splits"].tolist()
        self._missing: list[int] = list(found.trees["nodes_missing_value_tracks_true"])
        self._members = members_of(found.trees)
        self._opposite = _larger_side(found.trees)
        self._size = 0

    def done(self) -> Ranked | None:
        nodes: dict[int, list[int]] = {}
        for node, feature in enumerate(self._features):
            nodes.setdefault(feature, []).append(node)
        tables, width = [], 0
        for place in range(self._sources.texts):
            tables.append(_joined(list(self._columns(place, nodes, width))))
            width += len(tables[-1].other) // 8
        if not width:
            return None
        thresholds = self._move_numbers(nodes, width)
        return Ranked(self._model(), tables, thresholds)

    def _columns(self, place: int, nodes: dict[int, list[int]], first: int) -> Iterator[Table]:
        """The ranks of a column of texts, for each table that it is encoded with."""
        for feature, source in enumerate(self._sources.columns):
            if isinstance(source, Code) and source.place == place and feature in nodes:
                table = self._rank(source, nodes[feature], first)
                first += len(table.other) // 8
                yield table

    def _rank(self, source: Code, nodes: list[int], first: int) -> Table:
        """Make the tests of `nodes` comparisons of ranks, the first of which stands in column `first`."""
        values = [*source.table.values(), source.other]
        codes = sorted({value for value in values if not isnan(value)})
        place = {code: i for i, code in enumerate(codes)}
        missing = len(codes)
        sets = {node: self._set(node, codes, place) for node in nodes}
        chains = chains_of(sets.values())
        self._size += (len(values) + 1) * len(chains)
        if self._size > _MOST_NUMBERS:
            raise ValueError("too many ranks")
        places = {each: (column, at) for column, chain in enumerate(chains) for at, each in enumerate(chain)}
        for node, each in sets.items():
            column, at = places[each]
            self._features[node], self._splits[node] = first + column, float(at)
            self._modes[node], self._missing[node] = LEQ, 0
        rows = [row.tobytes() for row in ranks(chains, missing + 1)]
        own = {text: rows[place.get(value, missing)] for text, value in source.table.items()}
        return Table(own, rows[place.get(source.other, missing)])

    def _set(self, node: int, codes: list[float], place: dict[float, int]) -> int:
        """The codes that take a node's true side, as bits by their place; the last bit is for what is missing."""
        held = 1 << len(codes) if self._missing[node] else 0
        if self._modes[node] == MEMBER:
            for value in self._members[node].tolist():
                if value in place:
                    held |= 1 << place[value]
        elif self._modes[node] == LEQ:
            held |= (1 << bisect_right(codes, self._splits[node])) - 1
        else:
            raise ValueError("another kind of question")
        return held ^ ((2 << len(codes)) - 1) if self._opposite[node] else held

    def _move_numbers(self, nodes: dict[int, list[int]], first: int) -> list[Floats]:
        """Numbers stand behind the ranks, from column `first` on. Their thresholds."""
        thresholds: list[set[float]] = [set() for _ in range(self._sources.numbers)]
        for feature, source in enumerate(self._sources.columns):
            if isinstance(source, Number):
                for node in nodes.get(feature, ()):
                    if self._modes[node] != LEQ:
                        raise ValueError("another kind of question")
                    thresholds[source.place].add(self._splits[node])
                    self._features[node] = first + source.place
                    if self._opposite[node]:
                        self._oppose(node)
        return [np.array(sorted(of)) for of in thresholds]

    def _oppose(self, node: int) -> None:
        """`x <= t` fails where `-x <= -t'` holds, t' being the next number after t."""
        self._features[node] += self._sources.numbers
        self._splits[node] = -nextafter(self._splits[node], inf)
        self._missing[node] = 1 - self._missing[node]

    def _sides(self) -> Iterator[bytes]:
        """Where the nodes lead."""
        for true, false in (("truenodeids", "falsenodeids"), ("trueleafs", "falseleafs")):
            both = np.array([self._split.trees[f"nodes_{true}"], self._split.trees[f"nodes_{false}"]])
            both[:, self._opposite] = both[::-1, self._opposite]
            yield _whole_numbers(f"nodes_{true}", both[0].tolist())
            yield _whole_numbers(f"nodes_{false}", both[1].tolist())

    def _model(self) -> bytes:
        new = [
            *self._sides(),
            _whole_numbers("nodes_featureids", self._features),
            _tensor("nodes_splits", np.array(self._splits), _DOUBLE),
            _tensor("nodes_modes", np.array(self._modes, np.uint8), _BYTE),
            _whole_numbers("nodes_missing_value_tracks_true", self._missing),
        ]
        replaced = {"membership_values"}.union(*(texts(attribute, _ATTRIBUTE_NAME) for attribute in new))
        node = put(_INPUT, NUMERIC) + b"".join(put(_ATTRIBUTE, attribute) for attribute in new)
        for field in fields_of(self._split.node):
            attribute = field.value if field.number == _ATTRIBUTE and isinstance(field.value, bytes) else b""
            if field.number != _INPUT and replaced.isdisjoint(texts(attribute, _ATTRIBUTE_NAME)):
                node += field.whole
        return _with_first(self._split.after, node)


def _larger_side(trees: Attributes) -> npt.NDArray[np.bool_]:
    """Whether a node has more leaves on its true side, and its test can be put the other way round."""
    names = ("nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs")
    nodes = list(zip(*(trees[name] for name in names), strict=True))
    sizes, larger = [0] * len(nodes), np.zeros(len(nodes), bool)
    for node in range(len(nodes) - 1, -1, -1):
        true, true_leaf, false, false_leaf = nodes[node]
        if (true <= node and not true_leaf) or (false <= node and not false_leaf):
            raise ValueError("a node that stands before one that leads to it")
        left, right = (1 if true_leaf else sizes[true]), (1 if false_leaf else sizes[false])
        sizes[node], larger[node] = left + right, left > right
    # nothing is after infinity
    return np.asarray(larger & np.isfinite(trees["nodes_splits"]))


def _joined(tables: list[Table]) -> Table:
    """One table of a column that is encoded in several ways, or in none."""
    categories = {text: b"".join(table[text] for table in tables) for table in tables for text in table}
    return Table(categories, b"".join(table.other for table in tables))


def _whole_numbers(name: str, values: list[int]) -> bytes:
    return put(_ATTRIBUTE_NAME, name) + put(_INTS, packed(values)) + put(_KIND, _KIND_INTS)


def _tensor(name: str, values: npt.NDArray[Any], kind: int) -> bytes:
    content = put(1, len(values)) + put(2, kind) + put(9, values.tobytes())
    return put(_ATTRIBUTE_NAME, name) + put(_TENSOR, content) + put(_KIND, _KIND_TENSOR)


def _with_first(model: bytes, node: bytes) -> bytes:
    """The model with `node` in place of the first of its graph."""
    (graph,) = parts(model, _MODEL_GRAPH)
    fields = list(fields_of(graph))
    first = next(i for i, field in enumerate(fields) if field.number == _GRAPH_NODE)
    body = b"".join(put(_GRAPH_NODE, node) if i == first else field.whole for i, field in enumerate(fields))
    rest = b"".join(field.whole for field in fields_of(model) if field.number != _MODEL_GRAPH)
    return rest + put(_MODEL_GRAPH, body)
