"""Rows of symbols, int64[N, T], and what a graph can do with them: numbering characters, moving, leaving out, counting.

No step looks from one row at another, so a row alone and the same row in a batch are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto, numpy_helper

from tabi.compile.graph import CONTRIB, ML, Graph, Lane

# behind the last symbol of a row
END = -1
# longer than one character, so that no character of a text is taken for it
PADDING = "no character"
_LEFT_OUT = -2


def characters_of(graph: Graph, lane: Lane) -> str:
    """The characters of each text, string[N, T], with `PADDING` behind the shorter texts."""
    split = graph.add(
        "Tokenizer",
        [graph.pack((lane,))],
        domain=CONTRIB,
        mark=0,
        mincharnum=1,
        pad_value=PADDING,
        separators=[""],
    )
    return graph.add("Flatten", [split], axis=1)


def numbered(graph: Graph, characters: str, numbers: Mapping[str, int], other: int) -> str:
    """The number of each character in a table, and `other` for one that it does not hold."""
    return graph.add(
        "LabelEncoder",
        [characters],
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(list(numbers), dtype=np.object_)),
        values_tensor=numpy_helper.from_array(np.array(list(numbers.values()), dtype=np.int64)),
        default_tensor=numpy_helper.from_array(np.array([other])),
    )


def matches(graph: Graph, characters: str, pattern: str) -> str:
    """Truth values: which characters are of a pattern."""
    return graph.add("RegexFullMatch", [characters], pattern=pattern)


def symbol(graph: Graph, value: int) -> str:
    """One symbol as a constant."""
    return graph.constant(value, np.int64)


def padded(graph: Graph, symbols: str, before: int, after: int, fill: str) -> str:
    """Columns of `fill` before and after each row; a negative number takes columns away."""
    return graph.add("Pad", [symbols, graph.constant([0, before, 0, after], np.int64), fill])


def previous(graph: Graph, flags: str) -> str:
    """The truth value one to the left, False at the start of a row."""
    return padded(graph, flags, 1, -1, graph.constant(False, np.bool_))


def following(graph: Graph, flags: str) -> str:
    """The truth value one to the right, False at the end of a row."""
    return padded(graph, flags, -1, 1, graph.constant(False, np.bool_))


def kept(graph: Graph, symbols: str, keep: str, fill: int = END) -> str:
    """The symbols that are kept, moved together to the left, with `fill` behind them. There is at least one column."""
    before = places(graph, keep)
    left = graph.add("Where", [keep, before, graph.add("Shape", [symbols], start=1, end=2)])
    # those left out all go into one column behind the others
    size = graph.add("Add", [graph.add("Shape", [symbols]), graph.constant([0, 1], np.int64)])
    empty = graph.add("ConstantOfShape", [size], value=numpy_helper.from_array(np.array([fill])))
    values = graph.add("Where", [keep, symbols, symbol(graph, fill)])
    return graph.add("ScatterElements", [empty, left, values], axis=1)


def places(graph: Graph, keep: str) -> str:
    """How many are kept to the left of each place."""
    as_numbers = graph.add("Cast", [keep], to=TensorProto.INT64)
    return graph.add("CumSum", [as_numbers, graph.constant(1, np.int64)], exclusive=1)


def replaced(graph: Graph, symbols: str, pairs: Mapping[int, tuple[int, int]], fill: int) -> str:
    """Each of the given symbols becomes two, with `fill` behind the last of a row."""
    first, second = symbols, symbol(graph, _LEFT_OUT)
    for old, new in pairs.items():
        found = graph.add("Equal", [symbols, symbol(graph, old)])
        first, second = (
            graph.add("Where", [found, symbol(graph, value), tensor])
            for value, tensor in zip(new, (first, second), strict=True)
        )
    behind = graph.constant([2], np.int64)
    sides = [graph.add("Unsqueeze", [side, behind]) for side in (first, second)]
    shape = graph.constant([0, -1], np.int64)
    both = graph.add("Reshape", [graph.add("Concat", sides, axis=2), shape])
    return kept(graph, both, graph.add("Not", [graph.add("Equal", [both, symbol(graph, _LEFT_OUT)])]), fill)


def counted(graph: Graph, symbols: str, runs: Sequence[tuple[int, ...]]) -> str:
    """How often each run of symbols stands in a row: float32[N, runs], exact up to 16 million."""
    by_length: dict[int, list[int]] = {}
    for index, run in enumerate(runs):
        by_length.setdefault(len(run), []).append(index)
    longest = max(by_length)
    order = [index for length in sorted(by_length) for index in by_length[length]]
    ends = np.cumsum([length * len(by_length.get(length, ())) for length in range(1, longest + 1)])
    return graph.add(
        "TfIdfVectorizer",
        [symbols],
        mode="TF",
        min_gram_length=min(by_length),
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=[0, *ends[:-1].tolist()],
        ngram_indexes=order,
        pool_int64s=[part for index in order for part in runs[index]],
    )
