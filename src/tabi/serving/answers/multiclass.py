"""Answers of a model of several classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from tabi.contract import Contract
from tabi.predictions import MulticlassLine
from tabi.serving.answers.base import PROBABILITY, Answers, Floats, Labels
from tabi.serving.messages import (
    MulticlassBatchReply,
    MulticlassLineReply,
    MulticlassPrediction,
    MulticlassReply,
    Place,
)


class Multiclass(Answers[MulticlassPrediction]):
    """The probability of each class. The label is the class of the highest, the first of equal ones."""

    reply_type, batch_type, line_type = MulticlassReply, MulticlassBatchReply, MulticlassLine

    def __init__(self, contract: Contract, model: str, version: str) -> None:
        super().__init__(contract, model, version)
        self.nothing = np.empty((0, len(self.classes)))
        self.parameters = {"classes": msgspec.json.encode(self.classes).decode()}
        self._names = [f"{PROBABILITY}_{name}" for name in self.classes]
        self.columns |= dict.fromkeys(self._names, float)

    def predictions(self, outputs: Floats) -> list[MulticlassPrediction]:
        """The label with its probability, and those of all classes."""
        classes, codes = self.classes, outputs.argmax(axis=1).tolist()
        return [
            MulticlassPrediction(classes[code], row[code], dict(zip(classes, row, strict=True)))
            for code, row in zip(codes, outputs.tolist(), strict=True)
        ]

    def reply(self, found: MulticlassPrediction, request_id: str, warnings: list[Place]) -> MulticlassReply:
        """There is no threshold."""
        return MulticlassReply(
            found.label, found.probability, found.probabilities, self._model, self._version, request_id, warnings
        )

    def batch_reply(
        self, found: list[MulticlassPrediction], request_id: str, warnings: list[Place]
    ) -> MulticlassBatchReply:
        """There is no threshold."""
        return MulticlassBatchReply(found, self._model, self._version, request_id, warnings)

    def line_reply(
        self, row: int, found: MulticlassPrediction, warnings: list[Place], version: str
    ) -> MulticlassLineReply:
        """There is no threshold."""
        return MulticlassLineReply(row, found.label, found.probability, found.probabilities, warnings, version)

    def logged(self, found: MulticlassPrediction) -> tuple[str, list[float]]:
        """The label, and the probabilities in the order of the classes."""
        return found.label, list(found.probabilities.values())

    def count(self, found: Sequence[MulticlassPrediction]) -> Iterable[tuple[str, int]]:
        """The labels that occur."""
        return Counter(each.label for each in found).items()

    def scores(self, outputs: Floats) -> Floats:
        """The probability of each row's label."""
        return np.asarray(outputs.max(axis=1))

    def labels(self, outputs: Floats) -> Labels:
        """As `predictions` gives them."""
        return Labels(self.classes, outputs.argmax(axis=1))

    def distribution(self, outputs: Floats) -> Floats:
        """The outputs are that."""
        return outputs

    def numbers(self, outputs: Floats) -> dict[str, Floats]:
        """The probability of the label, and a column for each class."""
        return {PROBABILITY: self.scores(outputs), **dict(zip(self._names, outputs.T, strict=True))}
