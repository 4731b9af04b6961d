"""Answers of a model of two classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tabi.contract import Contract
from tabi.predictions import PredictionLine
from tabi.serving.answers.base import PROBABILITY, Answers, Floats, Labels
from tabi.serving.messages import BatchReply, LineReply, Place, Prediction, PredictReply


class Binary(Answers[Prediction]):
    """The probability of the positive class, and the label that the threshold makes of it."""

    reply_type, batch_type, line_type = PredictReply, BatchReply, PredictionLine

    def __init__(self, contract: Contract, model: str, version: str, threshold: float) -> None:
        super().__init__(contract, model, version)
        self._threshold = threshold
        self._negative, self._positive = self.classes
        self.parameters = {"threshold": threshold}

    def predictions(self, outputs: Floats) -> list[Prediction]:
        """The positive label from the threshold on, else the negative one."""
        threshold, negative, positive = self._threshold, self._negative, self._positive
        return [Prediction(positive if p >= threshold else negative, p) for p in outputs.tolist()]

    def reply(self, found: Prediction, request_id: str, warnings: list[Place]) -> PredictReply:
        """With the threshold that decided."""
        return PredictReply(
            found.label, found.probability, self._threshold, self._model, self._version, request_id, warnings
        )

    def batch_reply(self, found: list[Prediction], request_id: str, warnings: list[Place]) -> BatchReply:
        """The threshold stands once."""
        return BatchReply(found, self._threshold, self._model, self._version, request_id, warnings)

    def line_reply(self, row: int, found: Prediction, warnings: list[Place], version: str) -> LineReply:
        """Without the threshold, which a line would only repeat."""
        return LineReply(row, found.label, found.probability, warnings, version)

    def logged(self, found: Prediction) -> tuple[str, float]:
        """Label and probability."""
        return found.label, found.probability

    def count(self, found: Sequence[Prediction]) -> Iterable[tuple[str, int]]:
        """The negative label always, the positive one if it occurs."""
        positive = sum(1 for each in found if each.label == self._positive)
        if not positive:
            return ((self._negative, len(found)),)
        return ((self._positive, positive), (self._negative, len(found) - positive))

    def scores(self, outputs: Floats) -> Floats:
        """The probabilities."""
        return outputs

    def labels(self, outputs: Floats) -> Labels:
        """As `predictions` gives them."""
        return Labels(self.classes, (outputs >= self._threshold).astype(np.intp))

    def distribution(self, outputs: Floats) -> Floats:
        """The negative class first."""
        return np.column_stack([1.0 - outputs, outputs])

    def numbers(self, outputs: Floats) -> dict[str, Floats]:
        """The probability of the positive class."""
        return {PROBABILITY: outputs}
