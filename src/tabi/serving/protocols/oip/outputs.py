"""Decisions -> the output tensors of the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tabi.serving.messages import Place
from tabi.serving.model import Decisions
from tabi.serving.protocols.bodies import refuse

PROBABILITY = "probability"
LABEL = "label"
DATATYPE_OF = {PROBABILITY: "FP64", LABEL: "BYTES"}
"""The outputs that every model has, in their order. Each has the shape [rows]."""

# of Triton's extensions: whoever asks for one of these would misread an answer without it
_UNSUPPORTED = ("classification", "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")


class Output(NamedTuple):
    """An output tensor."""

    name: str
    datatype: str
    values: list[float] | list[str]


def check_output(name: str, parameters: Iterable[str], asked: Iterable[str]) -> None:
    """Refuse an output that the model does not have, that was `asked` for before, or in a form that is not given."""
    path = f"outputs.{name}"
    if name not in DATATYPE_OF:
        refuse(path, "unknown_output")
    if name in asked:
        refuse(path, "repeated_name")
    for parameter in parameters:
        if parameter in _UNSUPPORTED:
            refuse(f"{path}.parameters.{parameter}", "not_supported")


def output_of(name: str, decisions: Decisions) -> Output:
    """One output of all rows."""
    values = (
        [prediction.probability for prediction in decisions.predictions]
        if name == PROBABILITY
        else [prediction.label for prediction in decisions.predictions]
    )
    return Output(name, DATATYPE_OF[name], values)


def parameters_of(threshold: float, warnings: list[Place]) -> dict[str, int | float | bool | str]:
    """What is said beside the tensors: the decision threshold, and the warnings, if any, a line each.

    The protocol's parameters are numbers, booleans and strings, so the warnings are one string.
    """
    if not warnings:
        return {"threshold": threshold}
    return {"threshold": threshold, "warnings": "\n".join(f"{w.path}: {w.rule}: {w.message}" for w in warnings)}
