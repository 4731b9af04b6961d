"""Rows to load a server with: drawn from the contract's reference distribution, or read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Scalar, TextColumn
from tabi.errors import NotFoundError, RequestError

Row = dict[str, Scalar]

_LARGEST = float(np.finfo(np.float64).max)
# float64 tells neighbouring whole numbers apart up to here
_WHOLE = 2.0**53
# what prose is drawn from, and the longest that is drawn
_LETTERS = "etaoin shrdlu "
_TEXT = 400


def draw_rows(contract: Contract, count: int, seed: int = 0) -> list[Row]:
    """`count` rows that the contract lets pass without a warning. The same seed draws the same rows.

    Columns are drawn on their own: numbers from the bins by their counts, categories by theirs, missing values as
    often as there were. A column without reference is drawn evenly. What a column had beyond its categories is left
    out, for it would be a warning.
    """
    random = np.random.default_rng(seed)
    drawn: dict[str, list[Scalar]] = {}
    for column in contract.columns:
        if isinstance(column, NumericColumn):
            drawn[column.name] = _draw_numbers(column, count, random)
        elif isinstance(column, TextColumn):
            drawn[column.name] = _draw_prose(column, count, random)
        else:
            drawn[column.name] = _draw_texts(column, count, random)
    return [dict(zip(drawn, values, strict=True)) for values in zip(*drawn.values(), strict=True)]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file with one JSON object a line."""
    try:
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise NotFoundError(f"cannot read {path} ({error.strerror}): name a file with one JSON row a line") from error
    decode = msgspec.json.Decoder(Row).decode
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestError(f"{path}, line {number}: not a row; write one JSON object a line") from error
    if not rows:
        raise RequestError(f"{path} holds no row: write one JSON object a line")
    return rows


def predict_bodies(rows: Sequence[Row]) -> list[bytes]:
    """A `/predict` body for each row."""
    return [msgspec.json.encode({"features": row}) for row in rows]


def batch_bodies(rows: Sequence[Row], size: int) -> list[bytes]:
    """`/predict_batch` bodies of `size` rows each; of all rows if there are fewer."""
    whole = range(0, max(len(rows) - size, 0) + 1, size)
    return [msgspec.json.encode({"rows": rows[begin : begin + size]}) for begin in whole]


def _draw_prose(column: TextColumn, count: int, random: np.random.Generator) -> list[Scalar]:
    """Texts of small words, as long as the column's own were."""
    lengths = _draw_numbers(NumericColumn(column.name, column.nullable, 1, _TEXT, column.reference), count, random)
    letters = random.integers(0, len(_LETTERS), (count, _TEXT)).tolist()
    return [
        None if length is None else "".join(_LETTERS[i] for i in row[: int(length)])
        for length, row in zip(lengths, letters, strict=True)
    ]


def _draw_numbers(column: NumericColumn, count: int, random: np.random.Generator) -> list[Scalar]:
    reference = column.reference
    edges = np.array(reference.edges if reference else (), dtype=np.float64)
    counts = np.array(reference.counts if reference else (1,), dtype=np.float64)
    below, low, high = _bounds(column, edges)
    possible = (high > below) & (high >= low)
    missing = reference.missing if reference and column.nullable else 0
    bins = _pick(np.where(possible, counts, 0), missing, count, random)
    values = _points(low[bins], high[bins], below[bins], random, whole=_is_whole(column, edges))
    return [None if i < 0 else value for i, value in zip(bins.tolist(), values, strict=True)]


def _bounds(column: NumericColumn, edges: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """For each bin: the edge that it lies above, and the lowest and highest point that may be drawn.

    The outer bins are open: they are taken to be as wide as the span of the edges.
    """
    minimum = -np.inf if column.minimum is None else column.minimum
    maximum = np.inf if column.maximum is None else column.maximum
    if len(edges):
        first, last = float(edges[0]), float(edges[-1])
    else:
        first = last = float(np.clip(0.0, minimum, maximum))
    width = max(min(last / 2 - first / 2, _LARGEST / 4) * 2, 1.0)
    below = np.array([-np.inf, *edges])
    low = np.array([max(first - width, -_LARGEST), *edges])
    high = np.array([*edges, min(last + width, _LARGEST)])
    return below, np.maximum(low, minimum), np.minimum(high, maximum)


def _points(
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    below: npt.NDArray[np.float64],
    random: np.random.Generator,
    *,
    whole: bool,
) -> list[Scalar]:
    """One point of each bin: above `below`, from `low` to `high`."""
    share = random.random(len(low))
    lowest = np.clip(np.nextafter(below, np.inf), low, high)
    if whole:
        lowest = np.maximum(np.ceil(low), np.floor(below) + 1)
        steps = np.floor(high) - lowest + 1
        return [int(point) for point in np.minimum(lowest + np.floor(share * steps), np.floor(high))]
    return np.clip(high * (1 - share) + low * share, lowest, high).tolist()  # type: ignore[no-any-return]


def _is_whole(column: NumericColumn, edges: npt.NDArray[np.float64]) -> bool:
    """Whether the column counts things: then 39 is what a client sends, and not 38.7."""
    bounds = [bound for bound in (column.minimum, column.maximum) if bound is not None]
    known = np.array([*edges, *bounds])
    return bool(len(edges)) and bool(np.all((np.abs(known) < _WHOLE) & (known == np.floor(known))))


def _draw_texts(column: CategoricalColumn, count: int, random: np.random.Generator) -> list[Scalar]:
    reference = column.reference
    # an empty category is a missing value
    counts = [
        0.0 if category == "" else float(reference.counts[i] if reference else 1)
        for i, category in enumerate(column.categories)
    ]
    missing = reference.missing if reference and column.nullable else 0
    picked = _pick(np.array(counts), missing, count, random)
    return [None if i < 0 else column.categories[i] for i in picked.tolist()]


def _pick(counts: npt.NDArray[np.float64], missing: float, count: int, random: np.random.Generator) -> npt.NDArray[Any]:
    """`count` indices into `counts`, drawn by them; -1 is a missing value."""
    weights = np.array([*counts, missing])
    if not weights.any():
        # nothing was ever seen: a missing value, and where that is not allowed the server may say so
        return np.full(count, -1)
    picked = random.choice(len(weights), size=count, p=weights / weights.sum())
    return np.where(picked == len(counts), -1, picked)
