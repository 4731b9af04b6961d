"""What the property test needs to know of a class, and the tables that it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors, TextColumn
from tabi.data import frame_of

TEXTS = ("a", "b", "c d", "東京", "nan", "None")
# letters of which words are made, and what Python and other programs take for different things
LETTERS = tuple("aabbAB1 .\n\u3000_İΣσςẞʰ\u0307\u0345\u00ad\u200d\0😀アｱＡ²東京が\u3099")
# full: numbers of any scale · missing: the same with gaps · even: numbers of about 1 · positive: more than 0
# counts: 0, 1, 2, … · codes: 0 to 3 · texts: categories with gaps · mixed: numbers and categories, both with gaps
# prose: one column of free text with gaps
Kind = Literal["full", "missing", "even", "positive", "counts", "codes", "texts", "mixed", "prose"]
ODD_POSITIVE = (1e15, 1e-300, 5e-324)
ODD = (*ODD_POSITIVE, -1e15, -0.0)
Options = Mapping[str, st.SearchStrategy[Any]]


@dataclass(frozen=True)
class Spec:
    """How a class is proved: hyperparameters to draw, a table, and how an estimator of the class is put to use.

    `use` wraps the estimator where it cannot stand alone. `classes`: numbers of classes tried; 0 means a number is
    predicted. `extreme`: whether rows hold ±1e15 and the smallest numbers too. `transformer`: prove `transform`, though
    the class predicts as well. `fit_rows`: fit on the first rows only. `note`: what sets it apart in its class.
    """

    cls: type
    options: Options = field(default_factory=dict)
    kind: Kind = "full"
    classes: tuple[int, ...] = (2,)
    use: Callable[[Any], Any] | None = None
    extreme: bool = True
    transformer: bool = False
    fit_rows: int | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The class, and what makes this spec another than the first of the class."""
        return f"{self.cls.__name__}{'-' + self.note if self.note else ''}"


class Table:
    """Rows to fit on and rows that the fit did not see, of one kind."""

    def __init__(self, kind: Kind, seed: int, classes: int, extreme: bool) -> None:
        random = np.random.default_rng(seed)
        self._random, self._kind = random, kind
        self._scales = 10.0 ** random.integers(-2, 5, 3) if kind in ("full", "missing", "mixed") else np.ones(3)
        self._digits = int(random.integers(0, 4))
        numeric, categorical = {"texts": (0, 3), "mixed": (3, 2), "prose": (0, 1)}.get(kind, (3, 0))
        columns: list[NumericColumn | CategoricalColumn | TextColumn] = [NumericColumn(f"n{i}") for i in range(numeric)]
        texts = [
            TextColumn(f"c{i}") if kind == "prose" else CategoricalColumn(f"c{i}", TEXTS) for i in range(categorical)
        ]
        columns += texts
        # kinds mixed, as in a real table
        self.contract = Contract("case", tuple(columns[::2] + columns[1::2]), Target("y", ("no", "yes")))
        self.seen = self._rows(80, numeric, categorical)
        self.y = self._target(classes)
        other = self._rows(40, numeric, categorical)
        if extreme and kind not in ("codes", "counts", "texts", "prose"):
            # one in a row: two enormous numbers may leave nothing of their sum but rounding
            chosen = ODD_POSITIVE if kind == "positive" else ODD
            for row in range(0, 40, 6):
                other.numeric[row, random.integers(0, 3)] = random.choice(chosen)
        other.categorical[random.random(other.categorical.shape) < 0.1] = "never seen"
        # the rows of the fit among them: quantiles, bins and splits lie on them
        both = zip(self.seen, other, strict=True)
        self.rows = Tensors(*(np.concatenate(pair) for pair in both))

    @property
    def frame(self) -> pd.DataFrame:
        return frame_of(self.seen, self.contract)

    def with_values(self, thresholds: Mapping[int, tuple[float, ...]]) -> Tensors:
        """The rows, and rows that lie at some thresholds and beside them."""
        parts = [self.rows]
        for column, values in thresholds.items():
            chosen = self._random.choice(values, min(len(values), 12), replace=False)
            around = np.concatenate([chosen, np.nextafter(chosen, -np.inf), np.nextafter(chosen, np.inf)])
            numeric = self.seen.numeric[np.arange(len(around)) % len(self.seen.numeric)].copy()
            numeric[:, column] = around
            parts.append(Tensors(numeric, self.seen.categorical[np.arange(len(around)) % len(self.seen.categorical)]))
        return Tensors(*(np.concatenate(pair) for pair in zip(*parts, strict=True)))

    def _rows(self, rows: int, numeric: int, categorical: int) -> Tensors:
        random = self._random
        numbers = np.round(random.normal(size=(rows, numeric)), self._digits) * self._scales[:numeric]
        if self._kind in ("missing", "mixed"):
            numbers[random.random(numbers.shape) < 0.15] = np.nan
        if self._kind == "positive":
            numbers = np.round(random.exponential(size=(rows, numeric)), 2) + 0.01
        if self._kind == "counts":
            numbers = random.poisson(1.5, size=(rows, numeric)).astype(np.float64)
        if self._kind == "codes":
            numbers = random.integers(0, 4, size=(rows, numeric)).astype(np.float64)
            numbers[:4] = np.arange(4.0)[:, None]
        texts = random.choice(np.array(TEXTS, dtype=object), size=(rows, categorical))
        if self._kind == "prose":
            lengths = random.choice((1, 3, 8, 25), size=rows)
            texts = np.array([["".join(random.choice(LETTERS, length))] for length in lengths], dtype=object)
        texts[random.random(texts.shape) < 0.15] = ""
        return Tensors(numbers, texts.astype(object))

    def _target(self, classes: int) -> npt.NDArray[Any]:
        random = self._random
        signal = np.nan_to_num(self.seen.numeric / self._scales[: self.seen.numeric.shape[1]]).sum(axis=1)
        signal = signal + (self.seen.categorical == "a").sum(axis=1) + random.normal(size=len(signal))
        if classes == 0:
            return np.asarray(np.abs(signal) + 0.1)
        y: npt.NDArray[np.int64] = np.digitize(signal, np.quantile(signal, np.arange(1, classes) / classes)).astype(
            np.int64
        )
        y[: 5 * classes] = np.arange(5 * classes) % classes
        return y
