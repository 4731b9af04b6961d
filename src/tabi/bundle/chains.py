"""Sets in as few chains as are found quickly; in a chain each set holds all those before it.

Whether an element is in a set of a chain is then one comparison: its rank, which is how many sets of the chain do not
hold it, against the place of the set in the chain.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Chain = list[int]
"""Sets as bit masks, the smallest first."""


def chains_of(sets: Iterable[int]) -> list[Chain]:
    """Each of the sets in one chain."""
    chains: list[Chain] = []
    for each in sorted(set(sets), key=lambda one: (one.bit_count(), one)):
        # the chain that ends in the largest set that this one holds
        fitting = (i for i in range(len(chains) - 1, -1, -1) if not chains[i][-1] & ~each)
        place = next(fitting, None)
        chain = [] if place is None else chains.pop(place)
        chain.append(each)
        chains.append(chain)
    return chains


def ranks(chains: list[Chain], count: int) -> npt.NDArray[np.float64]:
    """The ranks of the elements 0 to `count` - 1: a row each, a column a chain."""
    found = np.zeros((count, len(chains)))
    for column, chain in enumerate(chains):
        for each in chain:
            content = np.frombuffer(each.to_bytes(count // 8 + 1, "little"), np.uint8)
            found[:, column] += 1 - np.unpackbits(content, count=count, bitorder="little")
    return found
