"""A client that is not ours, tritonclient, against a real server of two models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tabi.serving.codec import encode
from tabi.serving.messages import BatchReply
from tabi.serving.model import Model
from tests.serving.conftest import Server


@pytest.fixture(scope="module")
def client(two_models: Server) -> Iterator[Any]:
    import tritonclient.http  # type: ignore[import-untyped]

    with tritonclient.http.InferenceServerClient(f"{two_models.host}:{two_models.port}") as found:
        yield found


def given(columns: dict[str, Any], *, binary: bool) -> list[Any]:
    import tritonclient.http
    from tritonclient.utils import np_to_triton_dtype  # type: ignore[import-untyped]

    inputs = []
    for name, values in columns.items():
        tensor = tritonclient.http.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
        inputs.append(tensor.set_data_from_numpy(values, binary_data=binary))
    return inputs


def predicted(model: Model, rows: list[dict[str, Any]]) -> tuple[list[float], list[str]]:
    reply = model.answer(encode({"rows": rows}), "a-request")
    assert isinstance(reply, BatchReply)
    return [p.probability for p in reply.predictions], [p.label for p in reply.predictions]


COLUMNS = {
    "age": np.array([39, 80, 5], np.int64),
    "fare": np.array([7.25, 100, 0]),
    "sex": np.array(["male", "female", ""], object),
    "city": np.array(["東京", "Kyoto", "Ōsaka"], object),
}
ROWS = [
    {"age": 39, "fare": 7.25, "sex": "male", "city": "東京"},
    {"age": 80, "fare": 100.0, "sex": "female", "city": "Kyoto"},
    {"age": 5, "fare": 0.0, "city": "Ōsaka"},
]


def test_it_finds_server_and_models_alive_and_ready(client: Any, voyage: Model) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("voyage")
    assert client.is_model_ready("voyage", voyage.version)
    assert not client.is_model_ready("voyage", "no-version")
    assert not client.is_model_ready("no-model")


def test_it_reads_the_metadata(client: Any) -> None:
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("voyage")["inputs"][0] == {"name": "age", "datatype": "FP64", "shape": [-1]}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("column", [True, False])
def test_tensors_of_mixed_types_get_the_bits_that_predict_gives(
    client: Any, voyage: Model, binary: bool, column: bool
) -> None:
    columns = {name: values.reshape(-1, 1) if column else values for name, values in COLUMNS.items()}
    result = client.infer("voyage", given(columns, binary=binary), request_id="42")
    probabilities, labels = predicted(voyage, ROWS)
    assert result.as_numpy("probability").tolist() == probabilities
    assert [label.decode() for label in result.as_numpy("label")] == labels
    assert (result.get_response()["id"], result.get_response()["model_version"]) == ("42", voyage.version)


@pytest.mark.parametrize("binary", [True, False])
def test_outputs_come_in_the_form_that_is_asked_for(client: Any, voyage: Model, binary: bool) -> None:
    from tritonclient.http import InferRequestedOutput

    asked = [InferRequestedOutput("label", binary_data=binary)]
    result = client.infer("voyage", given(COLUMNS, binary=True), outputs=asked)
    labels = result.as_numpy("label")
    assert [label.decode() if binary else label for label in labels] == predicted(voyage, ROWS)[1]
    assert result.as_numpy("probability") is None


@pytest.mark.parametrize("datatype", [np.float16, np.float32, np.float64, np.int8, np.uint16, np.uint64])
def test_a_table_of_numbers_of_any_type_is_all_columns(client: Any, numbers: Model, datatype: Any) -> None:
    values = np.array([[39, 7], [80, 100]], datatype)
    result = client.infer("numbers", given({"input": values}, binary=True))
    rows = [{"age": float(age), "fare": float(fare)} for age, fare in values.tolist()]
    assert result.as_numpy("probability").tolist() == predicted(numbers, rows)[0]


def test_a_number_that_is_missing_is_nan(client: Any, numbers: Model) -> None:
    result = client.infer("numbers", given({"age": np.array([np.nan]), "fare": np.array([3.0])}, binary=True))
    assert result.as_numpy("probability").tolist() == predicted(numbers, [{"fare": 3.0}])[0]


def test_no_rows_are_answered_with_none(client: Any) -> None:
    result = client.infer("voyage", given({"age": np.array([], np.float64)}, binary=True))
    assert (result.as_numpy("probability").shape, result.as_numpy("label").shape) == ((0,), (0,))


def test_an_error_is_told_by_its_place(client: Any) -> None:
    from tritonclient.utils import InferenceServerException

    with pytest.raises(InferenceServerException, match=r"inputs\.fare\.shape") as caught:
        client.infer("voyage", given({"age": np.ones(2), "fare": np.ones(3)}, binary=True))
    assert caught.value.status() == "400"
