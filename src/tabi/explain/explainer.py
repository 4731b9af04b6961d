"""A bundle's explanation, ready to explain rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabi.bundle.session import Session
from tabi.contract import Contract, Tensors
from tabi.errors import ExplanationError
from tabi.explain.additivity import adds_up
from tabi.explain.document import Explanation, Linear, Link
from tabi.explain.linear import LinearEvaluator
from tabi.explain.paths import Floats
from tabi.explain.trees import TreeEvaluator


class Explained(NamedTuple):
    """Rows explained: `score` [N, k] is `base` [k] plus the sum of `contributions` [N, k, columns]."""

    link: Link
    base: Floats
    score: Floats
    contributions: Floats


class Explainer:
    """Explains rows of a contract. It may be used by several threads at once."""

    def __init__(self, explanation: Explanation, columns: int) -> None:
        """`columns`: how many the contract has."""
        owners = np.array(explanation.owners, dtype=np.int64)
        if len(owners) and not 0 <= owners.min() <= owners.max() < columns:
            raise ExplanationError("explanation.json is of another contract: release the model again")
        kind = LinearEvaluator if isinstance(explanation.model, Linear) else TreeEvaluator
        self._evaluator: LinearEvaluator | TreeEvaluator = kind(
            explanation.model,  # type: ignore[arg-type]
            owners,
            columns,
            explanation.scores,
        )
        self.link = explanation.link
        self.base: Floats = np.array(explanation.offsets) + explanation.factor * self._evaluator.base
        self._factor = explanation.factor
        self._width = len(owners)
        self._session = Session(explanation.encoder) if explanation.encoder else None

    @classmethod
    def of_bundle(cls, document: bytes, contract: Contract) -> Explainer:
        """The explainer of a bundle's `explanation.json`."""
        return cls(Explanation.from_json(document), len(contract.columns))

    def explain(self, tensors: Tensors, answers: Floats) -> Explained:
        """Explain rows that the served graph answered with `answers`: [N], or [N, k] of k classes."""
        if self._session is None:
            raise ExplanationError("explanation.json has no encoder: release the model again")
        encoded = self._session.run(tensors)[0] if len(answers) else np.empty((0, self._width))
        return self.explain_encoded(encoded, answers)

    def explain_encoded(self, encoded: Floats, answers: Floats) -> Explained:
        """As `explain`, of rows that were encoded elsewhere.

        `ExplanationError` if one of the explanations does not add up to its answer: a wrong one is never given.
        `OverflowError` if a row's numbers are too large to be added up at all.
        """
        if encoded.ndim != 2 or encoded.shape[1] != self._width:
            raise ExplanationError("the encoder gives another number of columns: release the model again")
        with np.errstate(over="ignore", invalid="ignore"):
            contributions = self._factor * self._evaluator.contributions(encoded)
            score = self.base + contributions.sum(axis=2)
        if not np.isfinite(score).all():
            raise OverflowError("the numbers of a row are too large to be explained")
        sound = adds_up(answers.reshape(score.shape), score, self.link)
        if not sound.all():
            raise ExplanationError(
                f"{int((~sound).sum())} of {len(sound)} explanations do not add up to the model's answer and are "
                "refused: release the model again, or ask without an explanation"
            )
        return Explained(self.link, self.base, score, contributions)
