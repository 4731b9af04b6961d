"""Every task through every door: the same answers, and each row's own whatever stands beside it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabi.predictions import LogReader, MulticlassLine, RegressionLine
from tabi.score import Options, score_files
from tabi.serving.messages import Row
from tabi.serving.model import Model
from tabi.serving.protocols import invocations, oip
from tabi.serving.protocols.exchange import Request
from tabi.serving.protocols.grpc import messages as grpc_messages
from tabi.serving.protocols.grpc import translate
from tabi.store import Store
from tests.serving.conftest import ROW, Ask, MakeWorker, asking
from tests.serving.task_bundles import HUGE, TASKS, row_of, rows_of

MULTICLASS = ("cabin", "berth", "tickets")
STREAM = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def models(tasks: Store) -> dict[str, Model]:
    return {name: Model.open(tasks.open_path(name)) for name in TASKS}


@pytest.fixture
def ask(tasks: Store, make_worker: MakeWorker) -> Ask:
    """Requests to all of them inside this process."""
    return asking(make_worker(tasks, *TASKS))


def predicted(model: Model, rows: list[Row]) -> list[Any]:
    """The predictions for rows, as JSON has them."""
    found, _ = model.predict(rows)
    plain: list[Any] = msgspec.to_builtins(found)
    return plain


def body(**content: Any) -> bytes:
    return json.dumps(content).encode()


@settings(max_examples=40)
@given(st.sampled_from(sorted(TASKS)), st.lists(st.integers(0, 39), min_size=1, max_size=12))
def test_a_row_alone_has_the_bits_that_it_has_in_any_batch(
    models: dict[str, Model], name: str, chosen: list[int]
) -> None:
    rows = rows_of(name, 40)
    whole = models[name].predict(rows)[0]
    assert models[name].predict([rows[index] for index in chosen])[0] == [whole[index] for index in chosen]
    assert models[name].predict([rows[chosen[0]]])[0] == [whole[chosen[0]]]


# the graph of tickets was made by hand
@pytest.mark.parametrize("name", [name for name in TASKS if name != "tickets"])
def test_the_answers_are_those_of_the_fitted_pipeline(models: dict[str, Model], name: str) -> None:
    from tabi.data import frame_of
    from tests.serving.task_bundles import fitted

    model, pipeline = models[name], fitted()[name]
    tensors, _ = model.reader.read(rows_of(name, 40))
    frame = frame_of(tensors, TASKS[name])
    found = model.predict(rows_of(name, 40))[0]
    if name in MULTICLASS:
        assert [str(label) for label in pipeline.predict(frame)] == [each.label for each in found]
        expected = pipeline.predict_proba(frame)
        np.testing.assert_allclose([list(each.probabilities.values()) for each in found], expected, rtol=0, atol=1e-9)
        assert all(each.probability == max(each.probabilities.values()) for each in found)
    else:
        np.testing.assert_allclose([each.value for each in found], pipeline.predict(frame), rtol=1e-9)


@pytest.mark.parametrize("name", TASKS)
def test_one_row_and_many_over_rest_are_what_the_model_says(ask: Ask, models: dict[str, Model], name: str) -> None:
    rows, model = rows_of(name, 6), models[name]
    expected = predicted(model, rows)
    once = {"model": name, "version": model.version, "warnings": []}
    status, headers, reply = ask("POST", f"/models/{name}/predict", body(features=rows[1]))
    assert (status, reply) == (200, {**expected[1], **once, "request_id": headers["x-request-id"]})
    status, headers, reply = ask("POST", f"/models/{name}/predict_batch", body(rows=rows))
    assert (status, reply) == (200, {"predictions": expected, **once, "request_id": headers["x-request-id"]})
    columns = {column.name: [row.get(column.name) for row in rows] for column in TASKS[name].columns}
    assert ask("POST", f"/models/{name}/predict_batch", body(columns=columns))[2]["predictions"] == expected
    assert ask("POST", f"/models/{name}/predict_batch", body(rows=[]))[2]["predictions"] == []
    assert json.loads(msgspec.json.encode(model.answer(body(rows=rows), "r")))["predictions"] == expected


@pytest.mark.parametrize("name", TASKS)
def test_lines_are_what_the_model_says(ask: Ask, models: dict[str, Model], name: str) -> None:
    rows, model = rows_of(name, 6), models[name]
    lines = "\n".join(map(json.dumps, [*rows, {"age": "x"}])).encode()
    content = ask("POST", f"/models/{name}/predict_batch", lines, {"content-type": "application/x-ndjson"})[2]
    *found, warned = map(json.loads, content.splitlines())
    expected = [{"row": row, **each} for row, each in enumerate(predicted(model, rows))]
    assert found == [{**expected[0], "version": model.version}, *expected[1:]]
    assert [place["rule"] for place in warned["warnings"]] == ["not_a_number"]


@pytest.mark.parametrize("name", TASKS)
def test_a_table_is_answered_by_a_table(ask: Ask, models: dict[str, Model], name: str) -> None:
    rows, model = rows_of(name, 6), models[name]
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"content-type": STREAM, "accept": STREAM}
    content = ask("POST", f"/models/{name}/predict_batch", sink.getvalue(), headers)[2]
    answers = pa.ipc.open_stream(content).read_all()
    assert answers.to_pylist() == [as_columns(each) for each in predicted(model, rows)]
    assert answers.schema.metadata[b"version"] == model.version.encode()
    assert b"threshold" not in answers.schema.metadata


def as_columns(prediction: dict[str, Any]) -> dict[str, Any]:
    """A prediction as a row of a table: a column for each class."""
    classes = {f"probability_{name}": number for name, number in prediction.pop("probabilities", {}).items()}
    return {**prediction, **classes}


def tensors_of(model: Model, rows: list[Row]) -> list[dict[str, Any]]:
    numeric = {column.name for column in model.contract.numeric}
    return [
        {
            "name": column.name,
            "datatype": "FP64" if column.name in numeric else "BYTES",
            "shape": [len(rows)],
            "data": [row.get(column.name) for row in rows],
        }
        for column in model.contract.columns
    ]


@pytest.mark.parametrize("name", TASKS)
def test_the_open_inference_protocol_names_the_graphs_output(models: dict[str, Model], name: str) -> None:
    rows, model = rows_of(name, 6), models[name]
    expected = predicted(model, rows)
    asked = body(inputs=tensors_of(model, rows))
    said = json.loads(oip.infer(model, Request({}, "", asked, "r"), model.decide).content)
    told = json.loads(oip.model_metadata(model))["outputs"]
    if name in MULTICLASS:
        classes = list(model.contract.target.classes)
        numbers = {"name": "probabilities", "datatype": "FP64", "shape": [6, 3]}
        flat = [number for each in expected for number in each["probabilities"].values()]
        labels = {"name": "label", "datatype": "BYTES", "shape": [6], "data": [each["label"] for each in expected]}
        assert said["outputs"] == [{**numbers, "data": flat}, labels]
        assert json.loads(said["parameters"]["classes"]) == classes
        assert [(output["name"], output["shape"]) for output in told] == [("probabilities", [-1, 3]), ("label", [-1])]
    else:
        values = [each["value"] for each in expected]
        assert said["outputs"] == [{"name": "value", "datatype": "FP64", "shape": [6], "data": values}]
        assert said["parameters"] == {}
        assert told == [{"name": "value", "datatype": "FP64", "shape": [-1]}]
    assert [output["datatype"] for output in told] == [output["datatype"] for output in said["outputs"]]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("raw", [False, True])
def test_grpc_says_what_rest_says(models: dict[str, Model], name: str, raw: bool) -> None:
    rows, model = rows_of(name, 6), models[name]
    tensors = tensors_of(model, rows)
    said = json.loads(oip.infer(model, Request({}, "", body(inputs=tensors), "r"), model.decide).content)
    request = grpc_messages.message("ModelInferRequest")(model_name=name)
    for tensor in tensors:
        numeric = tensor["datatype"] == "FP64"
        missing: Any = np.nan if numeric else ""
        values: list[Any] = [missing if value is None else value for value in tensor["data"]]
        added = request.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        if raw:
            request.raw_input_contents.append(oip.datatypes.write_binary(values))
        elif numeric:
            added.contents.fp64_contents.extend(values)
        else:
            added.contents.bytes_contents.extend(value.encode() for value in values)
    reply = translate.infer(model, request, model.decide)
    assert [(o.name, o.datatype, list(o.shape)) for o in reply.outputs] == [
        (o["name"], o["datatype"], o["shape"]) for o in said["outputs"]
    ]
    for index, output in enumerate(said["outputs"]):
        if raw:
            assert reply.raw_output_contents[index] == oip.datatypes.write_binary(output["data"])
        elif output["datatype"] == "FP64":
            assert list(reply.outputs[index].contents.fp64_contents) == output["data"]
        else:
            assert [each.decode() for each in reply.outputs[index].contents.bytes_contents] == output["data"]
    described = translate.model_metadata(model)
    assert [list(output.shape)[1:] for output in described.outputs] == [list(o.shape)[1:] for o in reply.outputs]


@pytest.mark.parametrize("name", TASKS)
def test_invocations_are_labels_or_numbers(models: dict[str, Model], name: str) -> None:
    rows, model = rows_of(name, 6), models[name]
    rows = [{column.name: row.get(column.name) for column in TASKS[name].columns} for row in rows]
    expected = predicted(model, rows)

    def asked(**more: Any) -> Any:
        headers = {"content-type": "application/json"}
        request = Request(headers, "", body(dataframe_records=rows, **more), "r")
        return json.loads(invocations.invoke(model, request, model.decide).content)

    probabilities = asked(params={"predict_method": "predict_proba"})
    if name not in MULTICLASS:
        assert asked() == {"predictions": [each["value"] for each in expected]}
        assert [(place["path"], place["rule"]) for place in probabilities["errors"]] == [
            ("params.predict_method", "not_supported")
        ]
        return
    labels = [int(each["label"]) if name == "berth" else each["label"] for each in expected]
    assert asked() == {"predictions": labels}
    assert probabilities == {"predictions": [list(each["probabilities"].values()) for each in expected]}


@pytest.mark.parametrize("name", TASKS)
def test_a_scored_file_holds_what_the_server_answers(
    tasks: Store, models: dict[str, Model], tmp_path: Path, name: str
) -> None:
    rows = [{**row, "key": str(place)} for place, row in enumerate(rows_of(name, 40))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    done = score_files(tasks.open_path(name), tmp_path / "rows.parquet", tmp_path / "out.parquet", Options(jobs=1))
    assert (done.counts.rows, done.counts.rejected) == (40, 0)
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    expected = [as_columns(each) for each in predicted(models[name], rows_of(name, 40))]
    assert [{key: each[key] for key in expected[0]} for each in found] == expected
    assert list(found[0]) == ["row", "key", *expected[0], "version", "warnings"]


def test_of_equal_probabilities_the_first_class_is_the_label(models: dict[str, Model]) -> None:
    (found,), _ = models["tickets"].predict([{"text": "invoice for Wi-Fi", "age": 1}])
    assert found.probabilities["billing"] == found.probabilities["network"] > found.probabilities["other"]
    assert found.label == "billing"


@pytest.mark.parametrize(("name", "rule"), [("berth", "no_probability"), ("weight", "no_value")])
def test_a_row_without_a_finite_answer_is_refused_and_the_rule_says_what_is_missing(
    ask: Ask, tasks: Store, tmp_path: Path, name: str, rule: str
) -> None:
    told = {"rule": rule, "message": "the numbers of this row are too large for the model"}
    status, _, reply = ask("POST", f"/models/{name}/predict", body(features=HUGE))
    assert (status, reply["errors"]) == (422, [{"path": "features", **told}])
    status, _, reply = ask("POST", f"/models/{name}/predict_batch", body(rows=[ROW, HUGE, ROW]))
    assert (status, reply["errors"]) == (422, [{"path": "rows[1]", **told}])
    lines = "\n".join(map(json.dumps, [ROW, HUGE, ROW])).encode()
    content = ask("POST", f"/models/{name}/predict_batch", lines, {"content-type": "application/x-ndjson"})[2]
    assert [json.loads(line).get("errors") for line in content.splitlines()] == [None, [{"path": "$", **told}], None]
    pq.write_table(pa.Table.from_pylist([ROW, HUGE, ROW]), tmp_path / "rows.parquet")
    done = score_files(tasks.open_path(name), tmp_path / "rows.parquet", tmp_path / "out.parquet", Options(jobs=1))
    assert done.rejected is not None
    assert json.loads(done.rejected.read_text())["reasons"] == [{"column": "", "rule": rule}]


def test_the_log_keeps_what_was_answered(tasks: Store, models: dict[str, Model], make_worker: MakeWorker) -> None:
    worker = make_worker(tasks, *TASKS)
    ask = asking(worker)
    for name in TASKS:
        assert ask("POST", f"/models/{name}/predict", body(features=row_of(name)))[0] == 200
    assert worker.settings.log is not None
    lines = list(LogReader(worker.settings.log))
    assert [line.model for line in lines] == list(TASKS)
    for line in lines:
        (found,), _ = models[line.model].predict([row_of(line.model)])
        if isinstance(line, MulticlassLine):
            assert (line.label, list(line.probabilities)) == (found.label, list(found.probabilities.values()))
        else:
            assert isinstance(line, RegressionLine)
            assert line.value == found.value
    assert [type(line) is MulticlassLine for line in lines] == [name in MULTICLASS for name in TASKS]
    assert lines[-1].inputs == ["インターネットに接続できません", 3.0]


def test_every_reply_is_what_the_description_says(ask: Ask) -> None:
    document = ask("GET", "/openapi.json")[2]
    replies = {"multiclass": "Multiclass{}Reply", "regression": "Regression{}Reply"}
    for name, contract in TASKS.items():
        for route, kind, asked in (
            ("predict", "", body(features=row_of(name))),
            ("predict_batch", "Batch", body(rows=rows_of(name, 3))),
        ):
            path = f"/models/{name}/{route}"
            described = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
            own = document["components"]["schemas"][described["$ref"].rpartition("/")[2]]
            assert own["$ref"].endswith("/" + replies[contract.target.task].format(kind))
            schema = {**described, "components": document["components"]}
            status, _, reply = ask("POST", path, asked)
            assert status == 200
            jsonschema.Draft202012Validator(schema).validate(reply)
            assert not jsonschema.Draft202012Validator(schema).is_valid({"label": "x"})


def test_a_long_text_of_japanese_is_answered_and_one_beyond_the_limit_is_refused(ask: Ask) -> None:
    most = 64 << 10
    for text, status in (("接続" * (most // 2), 200), ("接続" * (most // 2) + "。", 422)):
        for asked in (body(features={"text": text}), json.dumps({"features": {"text": text}}, ensure_ascii=False)):
            content = asked if isinstance(asked, bytes) else asked.encode()
            found, _, reply = ask("POST", "/models/tickets/predict", content)
            assert found == status
            if status == 200:
                assert reply["label"] == "network"
            else:
                assert [(place["path"], place["rule"]) for place in reply["errors"]] == [("features.text", "too_long")]
        found, _, reply = ask("POST", "/models/tickets/predict_batch", body(rows=[{"text": "a"}, {"text": text}]))
        assert found == status
        if status == 422:
            assert [(place["path"], place["rule"]) for place in reply["errors"]] == [("rows[1].text", "too_long")]
