"""Clients that are not ours against a real gRPC server: tritonclient, and a plain channel of grpcio."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import ConfigError, NotFoundError, NotReadyError
from tabi.serving.codec import encode
from tabi.serving.messages import BatchReply, Row
from tabi.serving.model import Decisions, Model, PathOf
from tabi.serving.protocols.exchange import Found
from tabi.serving.protocols.grpc import messages, start
from tabi.serving.protocols.grpc.server import Call

ROWS = [
    {"age": 39, "fare": 7.25, "sex": "male", "city": "東京"},
    {"age": 80, "fare": 100.0, "sex": "female", "city": "Kyoto"},
    {"age": 5, "fare": 0.0, "city": "Ōsaka"},
]
COLUMNS = {
    "age": np.array([39, 80, 5], np.int64),
    "fare": np.array([7.25, 100, 0]),
    "sex": np.array(["male", "female", ""], object),
    "city": np.array(["東京", "Kyoto", "Ōsaka"], object),
}


class Serving(NamedTuple):
    """A running server: its address, the request ids that it decided under, and whether it says it is ready."""

    address: str
    decided: list[str]
    ready: threading.Event


@pytest.fixture(scope="module")
def serving(voyage: Model, numbers: Model) -> Iterator[Serving]:
    decided: list[str] = []
    ready = threading.Event()
    ready.set()

    def find(name: str, version: str, call: Call) -> Found:
        if name == "asleep":
            raise NotReadyError("no version of asleep is loaded yet: try again in a moment")
        if name == "broken":
            raise RuntimeError("my-own-value")
        for model in (voyage, numbers):
            if model.name == name:

                def decide(rows: Sequence[Row], path: PathOf, model: Model = model) -> Decisions:
                    decided.append(call.request_id)
                    return model.decide(rows, path)

                return Found(model, decide)
        raise NotFoundError(f"there is no model {name}")

    with running(find, ready.is_set) as port:
        yield Serving(f"127.0.0.1:{port}", decided, ready)


class running:  # noqa: N801  a context manager that is used like a function
    """A server on an event loop of its own, in a thread."""

    def __init__(self, find: Callable[[str, str, Call], Found], ready: Callable[[], bool]) -> None:
        self._find = find
        self._ready = ready
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> int:
        self._thread.start()
        started = start(self._find, self._ready, "127.0.0.1:0")
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result(30)
        return self._server.port

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            await self._server.stop(1.0)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def triton(serving: Serving) -> Iterator[Any]:
    import tritonclient.grpc  # type: ignore[import-untyped]

    with tritonclient.grpc.InferenceServerClient(serving.address) as client:
        yield client


@pytest.fixture(scope="module")
def call(serving: Serving) -> Iterator[Callable[..., Any]]:
    """A method of the service by its name over a plain channel: the answer, and the request id beside it."""
    import grpc  # type: ignore[import-untyped]

    with grpc.insecure_channel(serving.address) as channel:

        def ask(name: str, request: Any, metadata: Sequence[tuple[str, str]] = ()) -> tuple[Any, str]:
            _, response = messages.methods()[name]
            method = channel.unary_unary(
                f"/{messages.SERVICE}/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=response.FromString,
            )
            answer, about = method.with_call(request, timeout=30, metadata=metadata)
            return answer, dict(about.trailing_metadata())["x-request-id"]

        yield ask


def predicted(model: Model, rows: list[Any]) -> tuple[list[float], list[str]]:
    reply = model.answer(encode({"rows": rows}), "a-request")
    assert isinstance(reply, BatchReply)
    return [p.probability for p in reply.predictions], [p.label for p in reply.predictions]


def inputs_of(columns: dict[str, Any]) -> list[Any]:
    import tritonclient.grpc
    from tritonclient.utils import np_to_triton_dtype  # type: ignore[import-untyped]

    return [
        tritonclient.grpc.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype)).set_data_from_numpy(
            values
        )
        for name, values in columns.items()
    ]


def request_of(*tensors: dict[str, Any], **more: Any) -> Any:
    request = messages.message("ModelInferRequest")(**{"model_name": "voyage", **more})
    for tensor in tensors:
        request.inputs.add(**tensor)
    return request


AGE = {"name": "age", "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [39.0]}}


def test_triton_finds_server_and_models_alive_and_ready(triton: Any, serving: Serving, voyage: Model) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    serving.ready.clear()
    assert not triton.is_server_ready()
    serving.ready.set()
    assert triton.is_model_ready("voyage")
    assert triton.is_model_ready("voyage", voyage.version)
    assert not triton.is_model_ready("asleep")


def test_triton_reads_the_metadata(triton: Any, voyage: Model) -> None:
    assert triton.get_server_metadata().name == "tabi"
    told = triton.get_model_metadata("voyage")
    assert (list(told.versions), told.platform) == ([voyage.version], "onnx_onnxv1")
    assert [(t.name, t.datatype, list(t.shape)) for t in told.inputs][:2] == [
        ("age", "FP64", [-1]),
        ("sex", "BYTES", [-1]),
    ]
    assert [t.name for t in told.outputs] == ["probability", "label"]


@pytest.mark.parametrize("column", [True, False])
def test_raw_tensors_of_mixed_types_get_the_bits_that_predict_gives(triton: Any, voyage: Model, column: bool) -> None:
    columns = {name: values.reshape(-1, 1) if column else values for name, values in COLUMNS.items()}
    result = triton.infer("voyage", inputs_of(columns), request_id="42")
    probabilities, labels = predicted(voyage, ROWS)
    assert result.as_numpy("probability").tolist() == probabilities
    assert [label.decode() for label in result.as_numpy("label")] == labels
    answer = result.get_response()
    assert (answer.id, answer.model_version) == ("42", voyage.version)
    assert answer.parameters["threshold"].double_param == voyage.answers.parameters["threshold"]


def test_a_raw_table_of_numbers_is_all_columns(triton: Any, numbers: Model) -> None:
    values = np.array([[39, 7.5], [np.nan, 100]], np.float32)
    result = triton.infer("numbers", inputs_of({"input": values}))
    rows = [{"age": 39.0, "fare": 7.5}, {"fare": 100.0}]
    assert result.as_numpy("probability").tolist() == predicted(numbers, rows)[0]


def test_more_rows_than_the_loop_should_answer_are_answered_alike(triton: Any, numbers: Model) -> None:
    values = np.linspace(0, 100, 40_000).reshape(-1, 2)
    result = triton.infer("numbers", inputs_of({"input": values}))
    rows = [{"age": age, "fare": fare} for age, fare in values.tolist()]
    assert result.as_numpy("probability").tolist() == predicted(numbers, rows)[0]


TYPED = st.one_of(
    st.tuples(st.just("FP64"), st.just("fp64_contents"), st.floats(-1e6, 1e6)),
    st.tuples(st.just("FP32"), st.just("fp32_contents"), st.floats(-1e6, 1e6, width=32)),
    st.tuples(st.just("INT64"), st.just("int64_contents"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("UINT64"), st.just("uint64_contents"), st.integers(0, 2**64 - 1)),
    st.tuples(st.just("INT16"), st.just("int_contents"), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just("UINT32"), st.just("uint_contents"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("BOOL"), st.just("bool_contents"), st.booleans()),
    st.tuples(st.just("BYTES"), st.just("bytes_contents"), st.text(max_size=4)),
)


@given(cells=st.fixed_dictionaries({}, optional=dict.fromkeys(("age", "fare", "sex", "city"), TYPED)).filter(bool))
def test_typed_contents_of_any_type_get_the_bits_that_predict_gives(
    call: Callable[..., Any], voyage: Model, cells: dict[str, tuple[str, str, Any]]
) -> None:
    tensors = [
        {
            "name": name,
            "datatype": datatype,
            "shape": [1],
            "contents": {field: [value.encode() if isinstance(value, str) else value]},
        }
        for name, (datatype, field, value) in cells.items()
    ]
    answer, _ = call("ModelInfer", request_of(*tensors))
    probability, label = answer.outputs
    found = list(probability.contents.fp64_contents), [v.decode() for v in label.contents.bytes_contents]
    assert found == predicted(voyage, [{name: value for name, (_, _, value) in cells.items()}])
    assert not answer.raw_output_contents


def test_only_the_outputs_that_are_asked_for_are_answered(call: Callable[..., Any]) -> None:
    answer, _ = call("ModelInfer", request_of(AGE, outputs=[{"name": "label"}]))
    assert [output.name for output in answer.outputs] == ["label"]


def test_a_warning_is_told_by_its_place_and_never_by_its_value(call: Callable[..., Any]) -> None:
    text = {"name": "age", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"my-own-value"]}}
    answer, _ = call("ModelInfer", request_of(text))
    told = answer.parameters["warnings"].string_param
    assert told.startswith("inputs.age.data[0]: not_a_number: ")
    assert "my-own-value" not in told


REFUSED: list[tuple[Any, str, str]] = [
    (request_of(), "INVALID_ARGUMENT", "inputs"),
    (request_of(AGE, AGE), "INVALID_ARGUMENT", "inputs.age"),
    (request_of({**AGE, "datatype": "FP8"}), "INVALID_ARGUMENT", "inputs.age.datatype"),
    (request_of({**AGE, "datatype": "FP16"}), "INVALID_ARGUMENT", "inputs.age.contents"),
    (request_of({**AGE, "datatype": "INT64"}), "INVALID_ARGUMENT", "inputs.age.data"),
    (request_of({**AGE, "shape": [-1]}), "INVALID_ARGUMENT", "inputs.age.shape"),
    (request_of({**AGE, "shape": [10**12]}), "INVALID_ARGUMENT", "inputs.age.shape"),
    (request_of({**AGE, "shape": [2]}), "INVALID_ARGUMENT", "inputs.age.data"),
    (request_of(AGE, raw_input_contents=[b"\0" * 8]), "INVALID_ARGUMENT", "inputs.age.contents"),
    (request_of(AGE, raw_input_contents=[b"", b""]), "INVALID_ARGUMENT", "raw_input_contents"),
    (
        request_of({"name": "age", "datatype": "FP64", "shape": [1]}, raw_input_contents=[b"\0" * 7]),
        "INVALID_ARGUMENT",
        "inputs.age.data",
    ),
    (
        request_of({"name": "age", "datatype": "INT8", "shape": [1], "contents": {"int_contents": [200]}}),
        "INVALID_ARGUMENT",
        "inputs.age.data[0]",
    ),
    (
        request_of({"name": "sex", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"\xff"]}}),
        "INVALID_ARGUMENT",
        "inputs.sex.data[0]",
    ),
    (request_of(AGE, outputs=[{"name": "price"}]), "INVALID_ARGUMENT", "outputs.price"),
    (request_of(AGE, model_name="nobody"), "NOT_FOUND", "no such model"),
    (request_of(AGE, model_version="0"), "NOT_FOUND", "does not answer with this version"),
    (request_of(AGE, model_name="asleep"), "UNAVAILABLE", "try again in a moment"),
    (request_of(AGE, model_name="broken"), "INTERNAL", "the server failed"),
    (request_of(AGE, raw_input_contents=[b"\0" * (65 * 1024 * 1024)]), "RESOURCE_EXHAUSTED", "larger than max"),
]


@pytest.mark.parametrize(("request_", "status", "told"), REFUSED, ids=[f"{s} {t}" for _, s, t in REFUSED])
def test_errors_are_statuses_that_name_the_place(
    call: Callable[..., Any], request_: Any, status: str, told: str
) -> None:
    import grpc

    with pytest.raises(grpc.RpcError) as caught:
        call("ModelInfer", request_)
    assert caught.value.code().name == status
    assert told in caught.value.details()
    assert "my-own-value" not in caught.value.details()


class Bytes:
    """Sent as they are."""

    def SerializeToString(self) -> bytes:  # noqa: N802  protobuf's own name
        return b"\xff\xffmy-own-value"


def test_bytes_that_are_no_message_are_an_invalid_argument(call: Callable[..., Any]) -> None:
    import grpc

    with pytest.raises(grpc.RpcError) as caught:
        call("ModelInfer", Bytes(), [("x-request-id", "my.id:1")])
    assert caught.value.code().name == "INVALID_ARGUMENT"
    assert caught.value.details().startswith("the message is no ModelInferRequest of the protocol: ")
    assert "my-own-value" not in caught.value.details()
    assert dict(caught.value.trailing_metadata())["x-request-id"] == "my.id:1"


def test_the_callers_request_id_is_the_one_it_is_decided_and_answered_under(
    call: Callable[..., Any], serving: Serving
) -> None:
    _, told = call("ModelInfer", request_of(AGE), [("x-request-id", "my.id:1")])
    assert (told, serving.decided[-1]) == ("my.id:1", "my.id:1")
    _, made = call("ModelInfer", request_of(AGE), [("x-request-id", "no id of a log")])
    assert made == serving.decided[-1]
    assert len(made) == 32


def test_an_error_carries_the_request_id_too(call: Callable[..., Any]) -> None:
    import grpc

    with pytest.raises(grpc.RpcError) as caught:
        call("ModelInfer", request_of(), [("x-request-id", "mine")])
    assert ("x-request-id", "mine") in [tuple(pair) for pair in caught.value.trailing_metadata()]


def test_an_address_that_cannot_be_listened_at_is_told(serving: Serving, voyage: Model) -> None:
    async def begin() -> None:
        await start(lambda _name, _version, _call: Found(voyage, voyage.decide), lambda: True, "256.0.0.1:1")

    with pytest.raises(ConfigError, match=r"cannot listen for gRPC on 256\.0\.0\.1:1"):
        asyncio.run(begin())


def test_more_calls_than_are_answered_at_once_are_refused(numbers: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    import grpc

    from tabi.serving.protocols.grpc import server

    begun, go_on = threading.Event(), threading.Event()

    def decide(rows: Sequence[Row], path: PathOf) -> Decisions:
        begun.set()
        assert go_on.wait(30)
        return numbers.decide(rows, path)

    monkeypatch.setattr(server, "MAX_CALLS", 1)
    # so large that it is answered in a thread, and the loop is free to refuse the next
    content = np.ones((10_000, 2)).tobytes()
    table = {"name": "input", "datatype": "FP64", "shape": [10_000, 2]}
    request = request_of(table, model_name="numbers", raw_input_contents=[content])
    with (
        running(lambda _name, _version, _call: Found(numbers, decide), lambda: True) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        method = channel.unary_unary(
            f"/{messages.SERVICE}/ModelInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.ModelInferResponse.FromString,
        )
        first = method.future(request, timeout=30)
        assert begun.wait(30)
        with pytest.raises(grpc.RpcError) as caught:
            method(request, timeout=30)
        go_on.set()
        assert first.result().outputs[0].shape == [10_000]
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_server_without_grpcio_says_what_to_install() -> None:
    script = """
import asyncio, sys
sys.modules["grpc"] = None
from tabi.errors import ConfigError
from tabi.serving.protocols.grpc import start
try:
    asyncio.run(start(None, None, "127.0.0.1:0"))
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "gRPC needs grpcio and protobuf: pip install 'tabi[grpc]'\n"
