"""Exact quantiles and bins of numbers that come in batches, in memory that does not grow with them.

The float64s, as bits in their order, are integers of 64 bits. The value of a rank is found 16 bits at a time: count the
values by their next 16 bits among those that begin as the answer does, and take the digit in which the rank falls. Four
passes give every bit of it. Few numbers are sorted at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tabi.contract import NumericReference

Numbers = npt.NDArray[np.float64]
Batches = Callable[[], Iterator[Numbers]]

BINS = 11
SORTED_AT_MOST = 1_000_000
"""Finite numbers that are held and sorted; of more, the quantiles are counted."""
_DIGIT, _WIDTH = 1 << 16, 16


def reference_of(batches: Batches, sorted_at_most: int = SORTED_AT_MOST) -> NumericReference:
    """Bins of about equally many rows. The edges are values that occur; equal ones are one edge.

    `batches()` gives the same batches each time. What is not a finite number is missing. Law: the result does not
    depend on how rows fall into batches, nor on `sorted_at_most`.
    """
    rows = present = 0
    for batch in batches():
        rows, present = rows + len(batch), present + int(np.isfinite(batch).sum())
    edges = np.unique(_values_at(batches, _ranks(present), present <= sorted_at_most)) if present else np.empty(0)
    counts = np.zeros(len(edges) + 1, np.int64)
    for batch in batches():
        # side="left" puts x into the bin with edges[i-1] < x <= edges[i]
        counts += np.bincount(np.searchsorted(edges, _finite(batch), side="left"), minlength=len(counts))
    return NumericReference(tuple(edges.tolist()), tuple(counts.tolist()), rows - present)


def _ranks(count: int) -> list[int]:
    """Where NumPy's `inverted_cdf` finds the inner quantiles of `count` sorted values."""
    places = count * np.linspace(0, 1, BINS + 1)[1:-1] - 1
    below = np.floor(places)
    ranks: list[int] = np.maximum(below + (places > below), 0).astype(int).tolist()
    return ranks


def _values_at(batches: Batches, ranks: Sequence[int], in_memory: bool) -> Numbers:
    if in_memory:
        return np.sort(np.concatenate([_finite(batch) for batch in batches()]))[ranks]
    prefixes, left = np.zeros(len(ranks), np.uint64), np.array(ranks)
    for known in range(4):
        groups = np.unique(prefixes)
        counts = _count_digits(batches, groups, known)
        places = np.searchsorted(groups, prefixes)
        below = np.cumsum(counts, axis=1)
        digits = np.array([np.searchsorted(below[p], rank, side="right") for p, rank in zip(places, left, strict=True)])
        left = left - np.where(digits > 0, below[places, digits - 1], 0)
        prefixes = (prefixes << np.uint64(_WIDTH)) | digits.astype(np.uint64)
    return _of_keys(prefixes)


def _count_digits(batches: Batches, groups: npt.NDArray[np.uint64], known: int) -> npt.NDArray[np.int64]:
    """For each group of values that begin with the same `known` digits, how many have each digit next."""
    counts = np.zeros(len(groups) * _DIGIT, np.int64)
    shift = np.uint64(64 - _WIDTH * (known + 1))
    for batch in batches():
        heads = _keys(_finite(batch)) >> shift
        digits, heads = heads % np.uint64(_DIGIT), heads >> np.uint64(_WIDTH)
        places = np.minimum(np.searchsorted(groups, heads), len(groups) - 1)
        inside = groups[places] == heads
        counts += np.bincount(places[inside] * _DIGIT + digits[inside].astype(np.int64), minlength=len(counts))
    return counts.reshape(len(groups), _DIGIT)


def _finite(batch: Numbers) -> Numbers:
    # a sum with zero makes one zero of two
    return batch[np.isfinite(batch)] + 0.0


_SIGN = np.uint64(1 << 63)


def _keys(numbers: Numbers) -> npt.NDArray[np.uint64]:
    """Integers in the order of the numbers."""
    bits = numbers.view(np.uint64)
    return np.where(bits >= _SIGN, ~bits, bits | _SIGN)


def _of_keys(keys: npt.NDArray[np.uint64]) -> Numbers:
    return np.where(keys >= _SIGN, keys ^ _SIGN, ~keys).view(np.float64)
