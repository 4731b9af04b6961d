"""OneHotEncoder, OrdinalEncoder and TargetEncoder, over texts and over numbers.

What a category becomes is asked of the encoder itself. So infrequent, dropped and unknown categories, and one for
missing values, are whatever scikit-learn makes of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from onnx import numpy_helper
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from tabi.compile.graph import ML, Graph, Lane, Lanes
from tabi.compile.operators import Array, affine, as_double, as_index, repeated
from tabi.compile.registry import converts, refuse
from tabi.contract import category_of

UNKNOWN_TEXT = "\N{SYMBOL FOR NULL} of no table"
Codes = Mapping[Any, float]
Pair = tuple[int, Any]  # a column's index and one of its categories


@converts(OneHotEncoder)
def _one_hot_encoder(encoder: OneHotEncoder, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if encoder.handle_unknown == "error":
        raise refuse(path, encoder, "handle_unknown='error'", 'use handle_unknown="ignore"')
    pairs = [(j, category) for j, known in enumerate(encoder.categories_) for category in known]
    known, unknown = _patterns(encoder, pairs)
    if not len(unknown):
        return ()
    # a row gets the pattern of an unknown category, and for a known one the difference to that
    owner = np.repeat(np.arange(len(lanes)), encoder._n_features_outs)
    own = owner[None, :] == np.array([j for j, _ in pairs])[:, None]
    changes = np.where(own, known - unknown, 0.0)
    kept = np.flatnonzero(changes.any(axis=1))
    if not len(kept):
        return graph.lanes_of(repeated(graph, lanes, unknown), len(unknown))
    equal = _equal(graph, lanes, [pairs[i] for i in kept])
    if not unknown.any() and changes[kept].shape == (len(unknown),) * 2 and (changes[kept] == np.eye(len(kept))).all():
        return equal
    return graph.lanes_of(affine(graph, graph.pack(equal), changes[kept], unknown), len(unknown))


def _patterns(encoder: OneHotEncoder, pairs: Sequence[Pair]) -> tuple[Array, Array]:
    """The row that each category gives, with the categories of other columns beside it, and the row of unknown ones."""
    longest = max(len(categories) for categories in encoder.categories_)
    given = _asked(encoder, [np.resize(known, longest) for known in encoder.categories_])
    unknown = _asked(encoder, [_unknown(known) for known in encoder.categories_])[0]
    places = [k for known in encoder.categories_ for k in range(len(known))]
    return given[places].reshape(len(pairs), -1), unknown


def _unknown(known: Any) -> Any:
    if known.dtype.kind == "O":
        return np.array([UNKNOWN_TEXT], dtype=object)
    taken = set(known.tolist())
    return np.array([next(float(number) for number in range(len(taken) + 1) if number not in taken)])


@converts(OrdinalEncoder)
def _ordinal_encoder(encoder: OrdinalEncoder, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if encoder.handle_unknown != "use_encoded_value":
        raise refuse(
            path, encoder, f"handle_unknown={encoder.handle_unknown!r}", 'use handle_unknown="use_encoded_value"'
        )
    longest = max(len(categories) for categories in encoder.categories_)
    given = _asked(encoder, [np.resize(known, longest) for known in encoder.categories_])
    codes = [
        {category: float(given[k, j]) for k, category in enumerate(known)}
        for j, known in enumerate(encoder.categories_)
    ]
    return _looked_up(graph, lanes, codes, float(encoder.unknown_value))


@converts(TargetEncoder)
def _target_encoder(encoder: TargetEncoder, graph: Graph, lanes: Lanes, path: str) -> Lanes:  # noqa: ARG001
    means = np.atleast_1d(np.asarray(encoder.target_mean_, dtype=np.float64))
    by_class = []
    for i, mean in enumerate(means):
        columns = zip(encoder.categories_, encoder.encodings_[i :: len(means)], strict=True)
        codes = [dict(zip(known.tolist(), map(float, values), strict=True)) for known, values in columns]
        by_class.append(_looked_up(graph, lanes, codes, float(mean)))
    return tuple(lane for column in zip(*by_class, strict=True) for lane in column)


def _asked(encoder: Any, columns: Sequence[Any]) -> Array:
    """What the encoder makes of columns of values."""
    if hasattr(encoder, "feature_names_in_"):
        table: Any = pd.DataFrame(dict(enumerate(columns)))
        table.columns = encoder.feature_names_in_
    else:
        mixed = any(column.dtype.kind == "O" for column in columns)
        table = np.column_stack([column.astype(object) if mixed else column for column in columns])
    with warnings.catch_warnings():
        # it says that unknown categories were found, which is what it is asked for
        warnings.simplefilter("ignore", UserWarning)
        given = encoder.transform(table)
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)


def _equal(graph: Graph, lanes: Lanes, pairs: Sequence[Pair]) -> Lanes:
    """A lane for each pair: 1 where the column holds the category. One comparison serves all columns of a kind."""
    given: dict[int, Lane] = {}
    for kind in ("text", "number", "missing"):
        places = [i for i, (j, category) in enumerate(pairs) if _kind(lanes[j], category) == kind]
        if not places:
            continue
        # each lane repeated once a category, beside the row of all categories
        values = graph.pack(tuple(lanes[pairs[i][0]] for i in places))
        if kind == "missing":
            same = graph.add("IsNaN", [values])
        elif kind == "number":
            same = graph.add("Equal", [values, graph.constant([[float(pairs[i][1]) for i in places]])])
        else:
            texts = [[category_of(pairs[i][1]) for i in places]]
            same = graph.add("Equal", [values, graph.constant(texts, np.object_)])
        given.update(zip(places, graph.lanes_of(as_double(graph, same), len(places)), strict=True))
    return tuple(given[i] for i in range(len(pairs)))


def _kind(lane: Lane, category: Any) -> str:
    if lane.text:
        return "text"
    return "missing" if np.isnan(float(category)) else "number"


def _looked_up(graph: Graph, lanes: Lanes, codes: Sequence[Codes], default: float) -> Lanes:
    """The code of each value in its column's table, and the default for a value that the table does not hold."""
    given: dict[int, Lane] = {}
    for text in (True, False):
        places = [i for i, lane in enumerate(lanes) if lane.text == text]
        if not places:
            continue
        chosen, tables = tuple(lanes[i] for i in places), [codes[i] for i in places]
        look_up = _texts if text else _numbers
        encoded = look_up(graph, chosen, tables, default)
        for j, (place, table) in enumerate(zip(places, tables, strict=True)):
            values = frozenset({*table.values(), default})
            given[place] = Lane(encoded, j, len(places), codes=values)
    return tuple(given[i] for i in range(len(lanes)))


def _texts(graph: Graph, lanes: Lanes, tables: Sequence[Codes], default: float) -> str:
    # the column's number before the text makes one dictionary serve all columns in two nodes
    prefixes = graph.constant([[f"{j}:" for j in range(len(lanes))]], np.object_)
    keys = [f"{j}:{category_of(category)}" for j, table in enumerate(tables) for category in table]
    return graph.add(
        "LabelEncoder",
        [graph.add("StringConcat", [prefixes, graph.pack(lanes)])],
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(keys, dtype=np.object_)),
        values_tensor=numpy_helper.from_array(np.array([c for table in tables for c in table.values()], np.float64)),
        default_tensor=numpy_helper.from_array(np.array([default])),
    )


def _numbers(graph: Graph, lanes: Lanes, tables: Sequence[Codes], default: float) -> str:
    """Comparisons give the place of a number in one table of all columns; place 0 is for numbers that it lacks."""
    pairs = [(j, category) for j, table in enumerate(tables) for category in table]
    places = np.zeros((len(pairs), len(lanes)))
    for i, (j, _) in enumerate(pairs):
        places[i, j] = i + 1
    place = as_index(graph, affine(graph, graph.pack(_equal(graph, lanes, pairs)), places))
    table = [default, *(code for table in tables for code in table.values())]
    return graph.add("Gather", [graph.constant(table), place], axis=0)
