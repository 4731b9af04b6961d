"""Rows that break converters: missing, unknown, enormous, infinite, odd texts, and every threshold of every tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.compile.hostile_texts import CHANGES, TEXTS
from tabi.contract import MISSING_TEXT, Contract, Tensors

# texts that are no category but that careless code takes for a missing one, and one that nobody uses
UNKNOWN_TEXTS = ("nan", "None", "null", " ", "旅の未知")
LARGE = (1e18, 1e38, 1e300, float(np.finfo(np.float64).max))
BASE_ROWS = 3
THRESHOLDS_PER_COLUMN = 1000


class Ordeal(NamedTuple):
    """Rows of one kind, and for each the index of the test row that it was made from."""

    kind: str
    tensors: Tensors
    base: npt.NDArray[np.int64]


def hostile_rows(
    contract: Contract, test: Tensors, thresholds: Mapping[int, Sequence[float]], seed: int
) -> Iterator[Ordeal]:
    """Hostile rows of every kind that the contract's columns allow, made from a few rows of the test set."""
    random = np.random.default_rng(seed)
    base = np.sort(random.choice(len(test.numeric), size=min(BASE_ROWS, len(test.numeric)), replace=False))
    n, m = len(contract.numeric), len(contract.strings)
    maker = _Maker(test, base)
    yield maker.make("missing", [*maker.numbers(range(n), [np.nan]), *maker.texts(range(m), [MISSING_TEXT])])
    yield maker.all_missing()
    if m:
        yield maker.make("unknown_category", maker.texts(range(m), UNKNOWN_TEXTS))
    if contract.text:
        texts = range(len(contract.categorical), m)
        yield maker.make("text", maker.texts(texts, TEXTS))
        if len((changed := maker.changed("changed_text", texts)).base):
            yield changed
    if n:
        yield maker.make("zero", maker.numbers(range(n), [0.0, -0.0, 5e-324]))
        yield maker.make("very_large", maker.numbers(range(n), [s * v for v in LARGE for s in (1, -1)]))
        yield maker.make("infinite", maker.numbers(range(n), [np.inf, -np.inf]))
    edits = [edit for column, values in thresholds.items() for edit in maker.numbers([column], _beside(values, random))]
    if edits:
        yield maker.make("threshold", edits, every_base=False)


def _beside(thresholds: Sequence[float], random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Each threshold with the floats on either side, two deep: undoing a scaler may round by one."""
    values = np.asarray(thresholds, dtype=np.float64)
    if len(values) > THRESHOLDS_PER_COLUMN:
        values = random.choice(values, THRESHOLDS_PER_COLUMN, replace=False)
    below, above = np.nextafter(values, -np.inf), np.nextafter(values, np.inf)
    around = [np.nextafter(below, -np.inf), below, values, above, np.nextafter(above, np.inf)]
    return np.unique(np.concatenate(around))


class _Edit(NamedTuple):
    text: bool
    column: int
    value: float | str


class _Maker:
    def __init__(self, test: Tensors, base: npt.NDArray[np.int64]) -> None:
        self._test = test
        self._base = base

    @staticmethod
    def numbers(columns: Sequence[int], values: Sequence[float] | npt.NDArray[np.float64]) -> list[_Edit]:
        return [_Edit(False, column, float(value)) for column in columns for value in values]

    @staticmethod
    def texts(columns: Sequence[int], values: Sequence[str]) -> list[_Edit]:
        return [_Edit(True, column, value) for column in columns for value in values]

    def make(self, kind: str, edits: Sequence[_Edit], *, every_base: bool = True) -> Ordeal:
        """One row for each edit of each base row, or, where there are many edits, of the base rows in turn."""
        if every_base:
            pairs = [(edit, row) for edit in edits for row in self._base]
        else:
            pairs = [(edit, self._base[i % len(self._base)]) for i, edit in enumerate(edits)]
        rows = np.array([row for _, row in pairs], dtype=np.int64)
        numeric, categorical = self._test.numeric[rows], self._test.categorical[rows]
        for i, (edit, _) in enumerate(pairs):
            if edit.text:
                categorical[i, edit.column] = edit.value
            else:
                numeric[i, edit.column] = edit.value
        return Ordeal(kind, Tensors(numeric, categorical), rows)

    def changed(self, kind: str, columns: Sequence[int]) -> Ordeal:
        """Each base row with each change of each of its texts that is not missing."""
        made = [
            (row, column, change(text))
            for row in self._base
            for column in columns
            if (text := self._test.categorical[row, column]) != MISSING_TEXT
            for change in CHANGES
        ]
        rows = np.array([row for row, _, _ in made], dtype=np.int64)
        numeric, categorical = self._test.numeric[rows], self._test.categorical[rows]
        for i, (_, column, text) in enumerate(made):
            categorical[i, column] = text
        return Ordeal(kind, Tensors(numeric, categorical), rows)

    def all_missing(self) -> Ordeal:
        numeric = np.full((1, self._test.numeric.shape[1]), np.nan)
        categorical = np.full((1, self._test.categorical.shape[1]), MISSING_TEXT, dtype=np.object_)
        return Ordeal("all_missing", Tensors(numeric, categorical), self._base[:1])
