"""What the output of a graph means, by the task of its model. Nothing else in the server tells the tasks apart."""

from __future__ import annotations

from typing import Any

from tabi.bundle import Bundle
from tabi.contract import Contract
from tabi.serving.answers.base import LABEL, PROBABILITY, VALUE, Answers, Floats, Labels
from tabi.serving.answers.binary import Binary
from tabi.serving.answers.multiclass import Multiclass
from tabi.serving.answers.regression import Regression

__all__ = ["KINDS", "LABEL", "PROBABILITY", "VALUE", "Answers", "Floats", "Labels", "answers_of"]

KINDS: tuple[type[Answers[Any]], ...] = (Binary, Multiclass, Regression)
"""The answers of each task."""


def answers_of(bundle: Bundle, contract: Contract) -> Answers[Any]:
    """The answers of a bundle, whose contract it is."""
    task = contract.target.task
    if task == "binary":
        return Binary(contract, bundle.name, bundle.id, bundle.threshold().threshold)
    of_task = Multiclass if task == "multiclass" else Regression
    return of_task(contract, bundle.name, bundle.id)
