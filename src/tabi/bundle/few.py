"""Few rows at a time, sooner: categories become ranks before the graph, where that gives the graph's own bits."""

from __future__ import annotations

from itertools import cycle, islice
from operator import getitem
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from tabi.bundle.ranked import Ranked, ranked
from tabi.bundle.session import Session
from tabi.contract import MISSING_TEXT, Tensors
from tabi.errors import BundleError

Floats = npt.NDArray[np.float64]

# more rows are as quick in the whole graph, whose input is smaller
MOST = 64
# rows that are computed both ways before the other form is believed, at the least; and of how many categories
_TRIED, _MOST_CATEGORIES = 128, 1000
_UNKNOWN = "\N{SYMBOL FOR NULL} of no table"
_ODD = (np.nan, 0.0, -1.0, 1e15, -1e15, np.inf, -np.inf)


class FewRows:
    """What `Session.predict` gives for up to `MOST` rows, bit by bit, sooner."""

    def __init__(self, form: Ranked) -> None:
        self._tables = form.tables
        self._session = Session(form.model)
        self._row = self._session.row_of(form.width)

    @classmethod
    def of(cls, graph: bytes, session: Session) -> FewRows | None:
        """None where the graph has no such form, or a bit differs on rows of every category. `session`: of `graph`."""
        form = ranked(graph)
        if form is None or max(map(len, form.tables)) > _MOST_CATEGORIES:
            return None
        try:
            few = cls(form)
            return few if few._agrees(session, _trial(form)) else None
        except (BundleError, ValueError, RuntimeError):
            return None

    def predict(self, tensors: Tensors) -> Floats:
        """The one output of the model's graph for each row."""
        numeric, opposite, rows = tensors.numeric, -tensors.numeric, tensors.categorical.tolist()
        if len(rows) == 1:
            ranks = map(getitem, self._tables, rows[0])
            return self._row.predict(b"".join([*ranks, numeric.tobytes(), opposite.tobytes()]))
        joined = b"".join(
            part
            for row, numbers, others in zip(rows, numeric, opposite, strict=True)
            for part in (*map(getitem, self._tables, row), numbers.tobytes(), others.tobytes())
        )
        return self._session.predict_numbers(np.frombuffer(joined).reshape(len(rows), -1))

    def _agrees(self, session: Session, tensors: Tensors) -> bool:
        """Whether rows together and alone have the bits of the whole graph."""
        wanted = session.predict(tensors)
        for size, count in ((1, 8), (MOST, len(wanted))):
            for start in range(0, count, size):
                part = slice(start, start + size)
                found = self.predict(Tensors(tensors.numeric[part], tensors.categorical[part]))
                if found.dtype != wanted.dtype or found.tobytes() != wanted[part].tobytes():
                    return False
        return True


def _trial(form: Ranked) -> Tensors:
    """Rows of every category, of unknown and missing ones, with numbers at the trees' own thresholds and odd ones."""
    # numpy's own has twenty libraries, which no server loads for anything else
    draw = Random(0)  # noqa: S311  no secret
    known: list[list[Any]] = [[*table, MISSING_TEXT, _UNKNOWN] for table in form.tables]
    count = max(_TRIED, *map(len, known))
    texts = [np.array(draw.sample(list(islice(cycle(each), count)), count), object) for each in known]
    numbers = [
        np.array(draw.choices([*_ODD, *np.nextafter(at, np.inf).tolist(), *at.tolist()], k=count))
        for at in form.thresholds
    ]
    numeric = np.column_stack(numbers) if numbers else np.empty((count, 0))
    return Tensors(numeric, np.column_stack(texts))
