"""What every task's answers can do: the seam between a graph's output and all that tells or keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.bundle.session import OUTPUTS
from tabi.contract import Contract, Fault
from tabi.contract.values import Rule
from tabi.predictions import Line
from tabi.serving.messages import AnyBatchReply, AnyLineReply, AnyReply, Place

Floats = npt.NDArray[np.float64]
P = TypeVar("P")

LABEL, PROBABILITY, VALUE = "label", "probability", "value"


class Labels(NamedTuple):
    """The label of each row: its place in `classes`."""

    classes: tuple[str, ...]
    codes: npt.NDArray[np.intp]

    def texts(self) -> list[str]:
        """The labels themselves."""
        classes = self.classes
        return [classes[code] for code in self.codes.tolist()]


class Answers(ABC, Generic[P]):
    """Makes answers of what one version's graph puts out: an array `outputs` with a line for each row.

    `P` is the prediction for a row. `rule`: the fault of a row that the model has no finite number for. `nothing`: the
    outputs of no rows. `parameters`: what is said once beside the answers of many rows. `columns`: the types of the
    columns of a table of answers, by name.
    """

    reply_type: ClassVar[type[msgspec.Struct]]
    batch_type: ClassVar[type[msgspec.Struct]]
    line_type: ClassVar[Callable[..., Line]]
    rule: ClassVar[Rule] = "no_probability"

    def __init__(self, contract: Contract, model: str, version: str) -> None:
        self.classes = contract.target.classes
        self.output = OUTPUTS[contract.target.task]
        self.nothing: Floats = np.empty(0)
        self.parameters: dict[str, float | str] = {}
        self.columns: dict[str, type] = {LABEL: str, PROBABILITY: float}
        self._model = model
        self._version = version

    def unanswered(self, outputs: Floats) -> list[Fault]:
        """A fault for each row that has a number which is not finite."""
        # a sum is finite only where all that is added is
        if isfinite(sum((outputs if outputs.ndim == 1 else outputs.ravel()).tolist())):
            return []
        finite = np.isfinite(outputs)
        rows = finite if finite.ndim == 1 else finite.all(axis=1)
        return [Fault(row, "", self.rule) for row in np.flatnonzero(~rows).tolist()]

    @abstractmethod
    def predictions(self, outputs: Floats) -> list[P]:
        """The prediction for each row."""

    @abstractmethod
    def reply(self, found: P, request_id: str, warnings: list[Place]) -> AnyReply:
        """The reply for one row."""

    @abstractmethod
    def batch_reply(self, found: list[P], request_id: str, warnings: list[Place]) -> AnyBatchReply:
        """The reply for many rows."""

    @abstractmethod
    def line_reply(self, row: int, found: P, warnings: list[Place], version: str) -> AnyLineReply:
        """The reply for a row that came as a line."""

    @abstractmethod
    def logged(self, found: P) -> tuple[object, ...]:
        """What the prediction log keeps of a prediction: the fields that are `line_type`'s own."""

    @abstractmethod
    def count(self, found: Sequence[P]) -> Iterable[tuple[str, int]]:
        """How many rows were answered with each label; of a model without labels all with the empty one."""

    @abstractmethod
    def scores(self, outputs: Floats) -> Floats:
        """The one number of each row whose distribution is watched."""

    def labels(self, outputs: Floats) -> Labels | None:  # noqa: ARG002
        """The label of each row; None if the model has no classes."""
        return None

    def distribution(self, outputs: Floats) -> Floats | None:  # noqa: ARG002
        """The probability of each class for each row; None if the model has no classes."""
        return None

    @abstractmethod
    def numbers(self, outputs: Floats) -> dict[str, Floats]:
        """The columns of a table of answers that hold numbers."""
