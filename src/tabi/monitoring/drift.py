"""How far counts are from a reference over the same bins: the figures that `rules.py` has Prometheus compute.

Counts add up over replicas and windows, so these are functions of sums and never of means over replicas.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# what is added to each bin's rows, seen and expected, so that an empty one has a logarithm
HALF_A_ROW = 0.5


def shares(counts: Counts) -> Floats:
    """The share of each bin; all of them 0 where there are no rows."""
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def psi(reference: Counts, now: Counts) -> float:
    """The population stability index of `now` against `reference`: 0 where their shares are equal, else more.

    PSI = Σ (q - p) ln(q / p) over the bins (Lewis 1994, the symmetric divergence of Kullback and Leibler 1951). The
    reference is taken at the size of `now`, and half a row is added to each bin of both, so that a rare bin that is
    empty in a small window moves nothing. Usual words: below 0.1 no change, above 0.25 a large one. 0 without rows.
    """
    rows = now.sum()
    whole = rows + HALF_A_ROW * len(now)
    expected = (rows * shares(reference) + HALF_A_ROW) / whole
    seen = (now + HALF_A_ROW) / whole
    return float(((seen - expected) * np.log(seen / expected)).sum())


def jensen_shannon(reference: Counts, now: Counts) -> float:
    """The Jensen-Shannon divergence in bits, from 0 (equal shares) to 1 (no bin in common), the same both ways.

    Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 1991. 0 where one has no rows.
    """
    p, q = shares(reference), shares(now)
    if not (p.any() and q.any()):
        return 0.0
    middle = (p + q) / 2
    # rounding may leave the last digit below nothing
    return min(max((_bits(p, middle) + _bits(q, middle)) / 2, 0.0), 1.0)


def _bits(p: Floats, q: Floats) -> float:
    """The relative entropy of p to q in bits; a bin without rows adds nothing."""
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
