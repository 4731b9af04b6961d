"""What the trees of a graph ask about: tensors -> features, each distinct text encoded once where that can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tabi.bundle.session import Session
from tabi.bundle.sources import Code, Sources, sources_of
from tabi.tables import Columns

Floats = npt.NDArray[np.float64]


class Feature(NamedTuple):
    """A column of what the trees take: values, and for each row the place of its own; None if it is the row's."""

    values: Floats
    places: npt.NDArray[np.int64] | None = None


class Features(Protocol):
    """Makes what the trees ask about."""

    def of(self, columns: Columns) -> Sequence[Feature]:
        """A feature for each column that the trees take."""


def features_before(graph: bytes) -> Features:
    """By table where the graph before the trees has no more than tables of categories in it."""
    try:
        return _ByTable(sources_of(graph))
    except (ValueError, IndexError, KeyError):
        return _ByGraph(graph)


class _ByGraph:
    """Has the graph compute them."""

    def __init__(self, graph: bytes) -> None:
        self._session = Session(graph)

    def of(self, columns: Columns) -> Sequence[Feature]:
        return [Feature(values) for values in np.asarray(self._session.run(columns.tensors())[0]).T]


class _ByTable:
    """Numbers as they are, and the codes of categories."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources.columns

    def of(self, columns: Columns) -> Sequence[Feature]:
        return [
            _codes(source, columns) if isinstance(source, Code) else Feature(columns.numeric[:, source.place])
            for source in self._sources
        ]


def _codes(source: Code, columns: Columns) -> Feature:
    texts, code, other = columns.texts[source.place], source.table.get, source.other
    values = np.fromiter((code(text, other) for text in texts.distinct), np.float64, len(texts.distinct))
    return Feature(values, texts.places)
