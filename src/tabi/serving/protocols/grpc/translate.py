"""Messages of the protocol -> rows, and decisions -> messages. It knows neither the server nor the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tabi.contract import Scalar
from tabi.serving.answers import Answers
from tabi.serving.model import Decisions, Model
from tabi.serving.protocols.bodies import refuse
from tabi.serving.protocols.exchange import Decide
from tabi.serving.protocols.grpc.messages import (
    Message,
    ModelInferResponse,
    ModelMetadataResponse,
    ServerMetadataResponse,
)
from tabi.serving.protocols.oip.datatypes import DATATYPES, read_binary, text, typed, write_binary
from tabi.serving.protocols.oip.metadata import SERVER, describe_model
from tabi.serving.protocols.oip.outputs import Output, check_output, output_of, outputs_of, parameters_of
from tabi.serving.protocols.oip.tensors import Head, check, rows_of

# the field of a tensor's contents that holds the values of a datatype; FP16 is sent raw
_FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def infer(model: Model, request: Message, decide: Decide) -> Message:
    """The answer to a ModelInferRequest; `RequestError` names the place that is wrong."""
    outputs = _outputs(model.answers, request.outputs)
    heads = [Head(tensor.name, tensor.datatype, tensor.shape) for tensor in request.inputs]
    check(model.contract, heads)
    values = _raw(heads, request) if request.raw_input_contents else _typed(heads, request)
    rows, path = rows_of(model.contract, heads, values)
    decisions = decide(rows, path)
    return _reply(model, request, outputs, decisions)


def server_metadata() -> Message:
    """The answer to a ServerMetadataRequest; bytes beside the message belong to the protocol itself here."""
    return ServerMetadataResponse(name=SERVER.name, version=SERVER.version)


def model_metadata(model: Model) -> Message:
    """The answer to a ModelMetadataRequest."""
    told = describe_model(model)
    reply = ModelMetadataResponse(name=told.name, versions=told.versions, platform=told.platform)
    for tensors, fields in ((told.inputs, reply.inputs), (told.outputs, reply.outputs)):
        for tensor in tensors:
            fields.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
    return reply


def _outputs(answers: Answers[Any], asked: Iterable[Message]) -> list[str]:
    names: list[str] = []
    for output in asked:
        check_output(answers, output.name, output.parameters, names)
        names.append(output.name)
    return names or list(outputs_of(answers))


def _raw(heads: list[Head], request: Message) -> list[list[Scalar]]:
    contents = request.raw_input_contents
    if len(contents) != len(heads):
        refuse("raw_input_contents", "wrong_size")
    for head, tensor in zip(heads, request.inputs, strict=True):
        if tensor.HasField("contents"):
            refuse(f"{head.path}.contents", "not_alone")
    return [
        read_binary(DATATYPES[head.datatype], memoryview(content), head.cells, f"{head.path}.data")
        for head, content in zip(heads, contents, strict=True)
    ]


def _typed(heads: list[Head], request: Message) -> list[list[Scalar]]:
    found = []
    for head, tensor in zip(heads, request.inputs, strict=True):
        path = f"{head.path}.data"
        field = _FIELDS.get(head.datatype)
        if field is None:
            refuse(f"{head.path}.contents", "not_supported", "FP16 is sent as raw_input_contents")
        values: list[Any] = getattr(tensor.contents, field)
        if len(values) != head.cells:
            refuse(path, "wrong_size")
        if head.datatype == "BYTES":
            values = [text(value, f"{path}[{index}]") for index, value in enumerate(values)]
        found.append(typed(DATATYPES[head.datatype], list(values), path))
    return found


def _reply(model: Model, request: Message, names: list[str], decisions: Decisions) -> Message:
    """Raw contents are answered with raw contents."""
    reply = ModelInferResponse(model_name=model.name, model_version=model.version, id=request.id)
    for name, value in parameters_of(model.answers, decisions.warnings).items():
        if isinstance(value, str):
            reply.parameters[name].string_param = value
        else:
            reply.parameters[name].double_param = value
    for name in names:
        output = output_of(model.answers, name, decisions)
        tensor = reply.outputs.add(name=name, datatype=output.datatype, shape=output.shape)
        if request.raw_input_contents:
            reply.raw_output_contents.append(write_binary(output.values))
        else:
            _fill(tensor.contents, output)
    return reply


def _fill(contents: Message, output: Output) -> None:
    values = (
        [value.encode() if isinstance(value, str) else value for value in output.values]
        if output.datatype == "BYTES"
        else output.values
    )
    getattr(contents, _FIELDS[output.datatype]).extend(values)
