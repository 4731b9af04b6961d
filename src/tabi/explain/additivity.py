"""The check that no explanation escapes: base and contributions add up to the score behind the served answer."""

from __future__ import annotations

import numpy as np

from tabi.explain.document import Link
from tabi.explain.paths import Floats, Truths

BOUND = 1e-6
# an answer near 0 or 1 holds less of its score than the bound asks for: there the answers themselves are compared
_LAST_BITS = 8 * float(np.finfo(np.float64).eps)


def answers_of(scores: Floats, link: Link) -> Floats:
    """What a graph answers for scores [N, k]: [N, k]."""
    with np.errstate(over="ignore"):
        if link == "logit":
            return np.asarray(1 / (1 + np.exp(-scores)))
        if link == "log":
            return np.exp(scores)
        if link == "softmax":
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return scores


def adds_up(answers: Floats, scores: Floats, link: Link) -> Truths:
    """By row: whether the scores [N, k] are those behind the answers [N, k], within `BOUND`.

    Of a softmax only the scores' differences can be seen.
    """
    with np.errstate(all="ignore"):
        if link == "identity":
            close = np.abs(answers - scores) <= BOUND * np.maximum(1, np.abs(answers))
        else:
            near = np.abs(answers_of(scores, link) - answers) <= _LAST_BITS
            if link == "softmax":
                first = answers.argmax(axis=1)[:, None]
                apart = _centred(np.log(answers), first) - _centred(scores, first)
            else:
                apart = (np.log(answers) if link == "log" else np.log(answers) - np.log1p(-answers)) - scores
            close = (np.abs(apart) <= BOUND) | near
    return np.asarray(close.all(axis=1))


def _centred(values: Floats, first: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Floats:
    return values - np.take_along_axis(values, first, axis=1)
