"""Decisions -> the output tensors of the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tabi.serving.answers import LABEL, Answers
from tabi.serving.messages import Place
from tabi.serving.model import Decisions
from tabi.serving.protocols.bodies import refuse
from tabi.serving.protocols.oip.messages import TensorMetadata

# of Triton's extensions: whoever asks for one of these would misread an answer without it
_UNSUPPORTED = ("classification", "shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")


class Output(NamedTuple):
    """An output tensor. `values`: row by row."""

    name: str
    datatype: str
    shape: list[int]
    values: list[float] | list[str]


def outputs_of(answers: Answers[Any]) -> dict[str, TensorMetadata]:
    """The outputs of a model, in their order: the graph's own, and the label if there are classes."""
    found = [TensorMetadata(answers.output, "FP64", [-1, *answers.nothing.shape[1:]])]
    if answers.classes:
        found.append(TensorMetadata(LABEL, "BYTES", [-1]))
    return {output.name: output for output in found}


def check_output(answers: Answers[Any], name: str, parameters: Iterable[str], asked: Iterable[str]) -> None:
    """Refuse an output that the model does not have, that was `asked` for before, or in a form that is not given."""
    path = f"outputs.{name}"
    if name not in outputs_of(answers):
        refuse(path, "unknown_output")
    if name in asked:
        refuse(path, "repeated_name")
    for parameter in parameters:
        if parameter in _UNSUPPORTED:
            refuse(f"{path}.parameters.{parameter}", "not_supported")


def output_of(answers: Answers[Any], name: str, decisions: Decisions) -> Output:
    """One output of all rows."""
    outputs = decisions.outputs
    labels = answers.labels(outputs) if name == LABEL else None
    if labels is None:
        return Output(name, "FP64", list(outputs.shape), outputs.ravel().tolist())
    return Output(name, "BYTES", [len(labels.codes)], labels.texts())


def parameters_of(answers: Answers[Any], warnings: list[Place]) -> dict[str, int | float | bool | str]:
    """What is said beside the tensors: the decision threshold or the classes, and the warnings, if any, a line each.

    The protocol's parameters are numbers, booleans and strings, so classes and warnings are one string each.
    """
    if not warnings:
        return {**answers.parameters}
    return {**answers.parameters, "warnings": "\n".join(f"{w.path}: {w.rule}: {w.message}" for w in warnings)}
