"""The JSON of the Open Inference Protocol, REST. What is not named here is let pass, as an extension may add it."""

from __future__ import annotations

from typing import Annotated

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]
Parameters = dict[str, int | float | bool | str]


class InputParameters(msgspec.Struct):
    """`binary_data_size`: the contents stand behind the JSON, this many bytes of them."""

    binary_data_size: Size | None = None


class RequestInput(msgspec.Struct):
    """An input tensor. `data` is left as it is, since its datatype says how it is read."""

    name: str
    datatype: str
    shape: list[Size]
    data: msgspec.Raw = msgspec.Raw()
    parameters: InputParameters | None = None


class RequestOutput(msgspec.Struct):
    """An output that is asked for."""

    name: str
    parameters: dict[str, msgspec.Raw] | None = None


class RequestParameters(msgspec.Struct):
    """`binary_data_output`: every output that says nothing else is answered as bytes."""

    binary_data_output: bool = False


class InferRequest(msgspec.Struct):
    """Body of `POST /v2/models/{name}/infer`."""

    inputs: list[RequestInput]
    id: str | msgspec.UnsetType = msgspec.UNSET
    parameters: RequestParameters | None = None
    outputs: list[RequestOutput] | None = None


class ResponseOutput(msgspec.Struct):
    """An output tensor: either `data`, or `binary_data_size` among its parameters."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    data: list[float] | list[str] | msgspec.UnsetType = msgspec.UNSET


class InferResponse(msgspec.Struct):
    """Answer to an inference request. `id` is the request's, if it has one."""

    model_name: str
    model_version: str
    outputs: list[ResponseOutput]
    parameters: Parameters
    id: str | msgspec.UnsetType = msgspec.UNSET


class TensorMetadata(msgspec.Struct):
    """A tensor that the model takes or gives; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct):
    """Answer to `GET /v2/models/{name}`."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(msgspec.Struct):
    """Answer to `GET /v2`."""

    name: str
    version: str
    extensions: list[str]
