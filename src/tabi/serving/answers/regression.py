"""Answers of a model of a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabi.contract import Contract
from tabi.predictions import RegressionLine
from tabi.serving.answers.base import VALUE, Answers, Floats
from tabi.serving.messages import (
    Place,
    RegressionBatchReply,
    RegressionLineReply,
    RegressionPrediction,
    RegressionReply,
)


class Regression(Answers[RegressionPrediction]):
    """A number."""

    reply_type, batch_type, line_type = RegressionReply, RegressionBatchReply, RegressionLine
    rule = "no_value"

    def __init__(self, contract: Contract, model: str, version: str) -> None:
        super().__init__(contract, model, version)
        self.columns = {VALUE: float}

    def predictions(self, outputs: Floats) -> list[RegressionPrediction]:
        """The value."""
        return [RegressionPrediction(value) for value in outputs.tolist()]

    def reply(self, found: RegressionPrediction, request_id: str, warnings: list[Place]) -> RegressionReply:
        """The value."""
        return RegressionReply(found.value, self._model, self._version, request_id, warnings)

    def batch_reply(
        self, found: list[RegressionPrediction], request_id: str, warnings: list[Place]
    ) -> RegressionBatchReply:
        """The values."""
        return RegressionBatchReply(found, self._model, self._version, request_id, warnings)

    def line_reply(
        self, row: int, found: RegressionPrediction, warnings: list[Place], version: str
    ) -> RegressionLineReply:
        """The value."""
        return RegressionLineReply(row, found.value, warnings, version)

    def logged(self, found: RegressionPrediction) -> tuple[float]:
        """The value."""
        return (found.value,)

    def count(self, found: Sequence[RegressionPrediction]) -> Iterable[tuple[str, int]]:
        """All rows, without a label."""
        return (("", len(found)),)

    def scores(self, outputs: Floats) -> Floats:
        """The values."""
        return outputs

    def numbers(self, outputs: Floats) -> dict[str, Floats]:
        """The values."""
        return {VALUE: outputs}
