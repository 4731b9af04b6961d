"""One column of stored rows in batches, as numbers or as counted categories, whichever type it is stored in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from tabi.contract import MISSING_TEXT, NumericReference, category_of, number_of
from tabi.data.quantiles import Numbers, reference_of
from tabi.data.rows import StoredRows


def numbers_of(rows: StoredRows, name: str) -> Iterator[Numbers]:
    """The column by the contract's law of numbers, and infinity as it is: NaN for what is missing or no number."""
    if not rows.texts[name]:
        yield from rows.numbers(name)
        return
    for strings in rows.strings(name):
        read = {string: number_of(string)[0] for string in set(strings)}
        yield np.array([read[string] for string in strings], dtype=np.float64)


def counts_of(rows: StoredRows, name: str) -> Iterator[Counter[str]]:
    """For each batch, how many rows hold each category, `MISSING_TEXT` among them."""
    if rows.texts[name]:
        yield from map(Counter, rows.strings(name))
        return
    for numbers in rows.numbers(name):
        values, counts = np.unique(numbers, return_counts=True)
        yield Counter(dict(zip(map(category_of, values.tolist()), counts.tolist(), strict=True)))


def counted(batches: Iterable[Counter[str]], most: int) -> Counter[str] | None:
    """The batches' counts together, without what is missing; `None` if there are more than `most` categories."""
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(batch)
        if len(counts) > most + (MISSING_TEXT in counts):
            return None
    counts.pop(MISSING_TEXT, None)
    return counts


def reference_of_numbers(rows: StoredRows, name: str) -> NumericReference:
    """How the column's numbers are distributed."""
    return reference_of(lambda: numbers_of(rows, name))


def reference_of_lengths(rows: StoredRows, name: str) -> NumericReference:
    """How the lengths of the column's texts are distributed, in characters; a missing one has none."""

    def lengths() -> Iterator[Numbers]:
        for counts in counts_of(rows, name):
            each = [len(string) or np.nan for string in counts]
            yield np.repeat(np.array(each, dtype=np.float64), list(counts.values()))

    return reference_of(lengths)
