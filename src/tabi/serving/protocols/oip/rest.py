"""`POST /v2/models/{name}[/versions/{version}]/infer`, with the extension of binary tensor data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tabi.contract import Scalar
from tabi.errors import RequestError
from tabi.serving.answers import Answers
from tabi.serving.codec import encode
from tabi.serving.model import Decisions, Model
from tabi.serving.problems import problem_of
from tabi.serving.protocols.bodies import UNREADABLE, place_of, refuse, unreadable
from tabi.serving.protocols.exchange import Decide, Request, Response
from tabi.serving.protocols.oip.datatypes import DATATYPES, read_binary, read_json, write_binary
from tabi.serving.protocols.oip.messages import InferRequest, InferResponse, RequestInput, ResponseOutput
from tabi.serving.protocols.oip.outputs import Output, check_output, output_of, outputs_of, parameters_of
from tabi.serving.protocols.oip.tensors import Head, check, rows_of

HEADER_LENGTH = "inference-header-content-length"
BINARY = "application/octet-stream"

_decode = msgspec.json.Decoder(InferRequest).decode
_decode_flag = msgspec.json.Decoder(bool).decode
_decode_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def infer(model: Model, request: Request, decide: Decide) -> Response:
    """Answer an inference request. One that is malformed or breaks the contract is answered in the protocol's form."""
    try:
        return _answer(model, request, decide)
    except RequestError as error:
        return failure(error, request.request_id)


def failure(error: BaseException, request_id: str) -> Response:
    """Any error as the protocol has it, an object with `error`, and the members of a problem document beside it.

    What does not fit is 400, the only status of a refusal that the protocol names.
    """
    found = problem_of(error, request_id)
    status = 400 if found.status == 422 else found.status
    members = msgspec.json.decode(found.content)
    content = {"error": members["detail"], **members, "status": status}
    return Response(encode(content), status=status, headers=found.headers)


def _answer(model: Model, request: Request, decide: Decide) -> Response:
    header, rest = _parts(request)
    body = _read(header)
    forms = _forms(model.answers, body)
    heads = [Head(tensor.name, tensor.datatype, tensor.shape) for tensor in body.inputs]
    check(model.contract, heads)
    rows, path = rows_of(model.contract, heads, _contents(heads, body.inputs, rest))
    return _reply(model, body, forms, decide(rows, path))


def _parts(request: Request) -> tuple[memoryview, memoryview]:
    """The JSON of the body, and the bytes behind it."""
    body = memoryview(request.body)
    told = request.headers.get(HEADER_LENGTH)
    if told is None:
        return body, body[len(body) :]
    # int() also reads signs, blanks and other scripts' digits, or refuses thousands of them by an error of its own
    if not (told.isascii() and told.isdigit() and len(told) < 20 and int(told) <= len(body)):
        refuse(HEADER_LENGTH, "wrong_size", "a header does not fit")
    return body[: int(told)], body[int(told) :]


def _read(header: memoryview) -> InferRequest:
    try:
        return _decode(header)
    except UNREADABLE as error:
        if isinstance(error, msgspec.ValidationError):
            path, rule = place_of(error)
            refuse(_named(path, header), rule)
        raise unreadable(error) from error


def _named(path: str, header: memoryview) -> str:
    """`path` with the name of a tensor in place of its index, if it has one."""
    field, _, rest = path.partition("[")
    index, _, rest = rest.partition("]")
    if field not in ("inputs", "outputs") or not index:
        return path
    try:
        tensors = msgspec.json.decode(_decode_names(header)[field], type=list[dict[str, msgspec.Raw]])
        name = msgspec.json.decode(tensors[int(index)]["name"], type=str)
    except (*UNREADABLE, KeyError):
        return path
    return f"{field}.{name}{rest}"


def _forms(answers: Answers[Any], body: InferRequest) -> dict[str, bool]:
    """The outputs that are asked for, and whether each is to be bytes."""
    binary = body.parameters is not None and body.parameters.binary_data_output
    if not body.outputs:
        return dict.fromkeys(outputs_of(answers), binary)
    forms: dict[str, bool] = {}
    for output in body.outputs:
        parameters = output.parameters or {}
        check_output(answers, output.name, parameters, forms)
        try:
            forms[output.name] = _decode_flag(parameters["binary_data"]) if "binary_data" in parameters else binary
        except UNREADABLE:
            refuse(f"outputs.{output.name}.parameters.binary_data", "not_a_flag")
    return forms


def _contents(heads: Sequence[Head], inputs: Sequence[RequestInput], rest: memoryview) -> list[list[Scalar]]:
    """The values of every tensor, from its `data` or from its part of the bytes behind the JSON."""
    found = []
    position = 0
    for head, tensor in zip(heads, inputs, strict=True):
        size = tensor.parameters.binary_data_size if tensor.parameters else None
        data = memoryview(tensor.data)
        where = f"{head.path}.data"
        if size is None:
            if not data:
                refuse(where, "missing_field")
            found.append(read_json(DATATYPES[head.datatype], data, head.shape, where))
            continue
        if data:
            refuse(where, "not_alone")
        if size > len(rest) - position:
            refuse(f"{head.path}.parameters.binary_data_size", "wrong_size")
        part = rest[position : position + size]
        position += size
        found.append(read_binary(DATATYPES[head.datatype], part, head.cells, where))
    if position != len(rest):
        refuse(HEADER_LENGTH, "wrong_size", "the bytes behind the JSON belong to no input")
    return found


def _reply(model: Model, body: InferRequest, forms: dict[str, bool], decisions: Decisions) -> Response:
    outputs = []
    parts = []
    for name, binary in forms.items():
        output, content = _output(output_of(model.answers, name, decisions), binary=binary)
        outputs.append(output)
        parts.append(content)
    parameters = parameters_of(model.answers, decisions.warnings)
    header = encode(InferResponse(model.name, model.version, outputs, parameters, body.id))
    if not any(forms.values()):
        return Response(header)
    told = ((HEADER_LENGTH, str(len(header))),)
    return Response(b"".join([header, *parts]), BINARY, headers=told)


def _output(output: Output, *, binary: bool) -> tuple[ResponseOutput, bytes]:
    name, datatype, shape, values = output
    if not binary:
        return ResponseOutput(name, datatype, shape, data=values), b""
    content = write_binary(values)
    return ResponseOutput(name, datatype, shape, parameters={"binary_data_size": len(content)}), content
