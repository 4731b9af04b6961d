"""Outputs for many rows: by table where that was seen to give the bits of the graph, else by the graph."""

from __future__ import annotations

from threading import Lock

import numpy as np
import numpy.typing as npt

from tabi.bundle.session import Session
from tabi.bundle.split import split
from tabi.errors import BundleError
from tabi.score.features import Features, features_before
from tabi.score.forest import Forest
from tabi.tables import Columns

Floats = npt.NDArray[np.float64]

# rows that are computed both ways before the trees are believed
_TRIED = 1024


class Evaluator:
    """What `Session.predict` gives, bit by bit, sooner. `graph`: the bytes that `session` was made from."""

    def __init__(self, session: Session, graph: bytes) -> None:
        self._session = session
        self._trees = _Trees.of(graph)
        self._tried = False
        self._trying = Lock()

    @property
    def by_table(self) -> bool:
        """Whether the trees are looked up and not walked."""
        return self._trees is not None

    def predict(self, columns: Columns) -> Floats:
        """The one output of the model's graph for rows, of which there is at least one."""
        with self._trying:
            if not self._tried:
                self._try(columns.first(_TRIED))
        return self._session.predict(columns.tensors()) if self._trees is None else self._trees.predict(columns)

    def _try(self, columns: Columns) -> None:
        self._tried = True
        trees = self._trees
        if trees is not None and trees.predict(columns).tobytes() != self._session.predict(columns.tensors()).tobytes():
            self._trees = None


class _Trees:
    """Before the trees, the trees, and after them."""

    def __init__(self, features: Features, forest: Forest, after: Session) -> None:
        self._features, self._forest, self._after = features, forest, after

    @classmethod
    def of(cls, graph: bytes) -> _Trees | None:
        """None where the graph has another form than this can compute."""
        found = split(graph)
        if found is None:
            return None
        try:
            forest = Forest.of(found.trees)
            return None if forest is None else cls(features_before(found.before), forest, Session(found.after))
        except (BundleError, KeyError, ValueError, IndexError):
            return None

    def predict(self, columns: Columns) -> Floats:
        sums = self._forest.sums(self._features.of(columns), len(columns.numeric))
        return self._after.predict_numbers(sums.reshape(-1, 1))
