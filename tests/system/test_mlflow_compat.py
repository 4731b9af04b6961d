"""The same bodies to a real `mlflow models serve` and to us, both of the same pipeline: the same answers."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tabi.contract import Contract, Target, Tensors
from tabi.store import Store
from tests.serving.conftest import contract, native, serving, table
from tests.serving.protocols.conftest import NUMBERS
from tests.serving.task_bundles import TASKS, fitted

pytestmark = pytest.mark.system

START_LIMIT_S = 120
NAMES = ["age", "fare", "sex", "city"]
JSON = "application/json"
CSV = "text/csv"


class Answer(NamedTuple):
    """A status, its class and what was answered."""

    status: int
    content: Any

    @property
    def kind(self) -> int:
        return self.status // 100


class Pair(NamedTuple):
    """The ports of MLflow's server and of ours."""

    mlflow: int
    ours: int

    def ask(self, body: bytes, kind: str) -> tuple[Answer, Answer]:
        return ask(self.mlflow, body, kind), ask(self.ours, body, kind)


def ask(port: int, body: bytes, kind: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/invocations", body, {"content-type": kind})
        response = connection.getresponse()
        text = response.read()
        return Answer(response.status, json.loads(text) if response.status == 200 else None)
    finally:
        connection.close()


def bundle(folder: Path, pipeline: Any, of: Contract) -> Path:
    """A bundle of the pipeline that decides at 0.5, as `predict` does."""
    from tabi.bundle import write_bundle
    from tabi.compile import compile_pipeline

    folder.mkdir()
    (folder / "model.onnx").write_bytes(compile_pipeline(pipeline, of).model)
    (folder / "schema.json").write_bytes(of.to_json())
    if of.target.task == "binary":
        (folder / "threshold.json").write_text('{"threshold": 0.5, "criterion": "f1"}\n')
    for document in ("metrics.json", "parity.json", "gates.json"):
        (folder / document).write_text("{}\n")
    write_bundle(
        folder,
        name=of.name,
        created="2026-11-21T09:00:00+00:00",
        git_commit="c0ffee",
        run="1",
        snapshot="2" * 64,
        environment="3" * 64,
        runtime={"onnxruntime": ">=1.22"},
    )
    return folder


class Fitted(NamedTuple):
    """A pipeline, the contract of its rows, and the rows that it was fitted on."""

    pipeline: Any
    of: Contract
    frame: Any


def mixed() -> Fitted:
    """Categories and numbers; the labels are text."""
    from tabi.data import frame_of

    tensors, y = table(1)
    frame = frame_of(tensors, contract())
    return Fitted(native(1).fit(frame, np.where(y, "yes", "no").astype(object)), contract(), frame)


def numeric() -> Fitted:
    """Numbers; the labels are whole numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from tabi.data import frame_of

    tensors, y = table(3)
    frame = frame_of(Tensors(tensors.numeric, np.empty((len(y), 0), dtype=object)), NUMBERS)
    assert Target("arrived", ("0", "1")) == NUMBERS.target
    return Fitted(HistGradientBoostingClassifier(max_iter=10).fit(frame, y.astype(int)), NUMBERS, frame)


def of_task(name: str) -> Fitted:
    """Categories and numbers; the target is one of several classes, or a number."""
    from tabi.data import frame_of

    return Fitted(fitted()[name], TASKS[name], frame_of(table(1)[0], TASKS[name]))


def _save(folder: Path, fitted: Fitted, *, signature: bool, method: str) -> None:
    import mlflow.sklearn
    from mlflow.models import infer_signature

    pipeline, _, frame = fitted
    told = infer_signature(frame, pipeline.predict(frame)) if signature else None
    mlflow.sklearn.save_model(
        pipeline, folder, signature=told, pyfunc_predict_fn=method, serialization_format="cloudpickle"
    )


class Both:
    """MLflow's server of a pipeline, and ours of its bundle, while the block runs."""

    def __init__(self, folder: Path, fitted: Fitted, *, signature: bool = False, method: str = "predict") -> None:
        with warnings.catch_warnings():
            # MLflow warns of its own imports, and of a format that it takes all the same
            warnings.simplefilter("ignore")
            _save(folder / "mlflow", fitted, signature=signature, method=method)
        self._store = Store(folder / "store")
        self._name = fitted.of.name
        identity = self._store.put_bundle(bundle(folder / "bundle", fitted.pipeline, fitted.of))
        self._store.set_latest(self._name, identity, self._store.latest(self._name))
        self._servers = ExitStack()
        self._folder = folder

    def __enter__(self) -> Pair:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "--workers", "1"]
        self._log = (self._folder / "log").open("wb")
        self._mlflow = subprocess.Popen(
            [*command, "-m", str(self._folder / "mlflow"), "-h", "127.0.0.1", "-p", str(port)],
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "OMP_NUM_THREADS": "1",
            },
            cwd=self._folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait(port)
        try:
            ours = self._servers.enter_context(serving(self._store.root, self._name))
        except BaseException:
            self.__exit__()
            raise
        return Pair(port, ours.port)

    def _wait(self, port: int) -> None:
        until = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until and self._mlflow.poll() is None:
            try:
                ask(port, b"{", JSON)
            except OSError:
                time.sleep(0.2)
            else:
                return
        self.__exit__()
        pytest.fail(f"mlflow models serve did not start: {(self._folder / 'log').read_text()[-2000:]}")

    def __exit__(self, *_: object) -> None:
        self._servers.close()
        os.killpg(self._mlflow.pid, signal.SIGTERM)
        try:
            self._mlflow.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._mlflow.pid, signal.SIGKILL)
            self._mlflow.wait(10)
        self._log.close()


@pytest.fixture(scope="module")
def of_mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Mixed columns, logged with a signature, without which MLflow cannot read most formats of them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), Both(tmp_path_factory.mktemp("mixed"), mixed(), signature=True) as pair:
        yield pair


@pytest.fixture(scope="module")
def of_numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Numeric columns, logged without a signature."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), Both(tmp_path_factory.mktemp("numbers"), numeric()) as pair:
        yield pair


@pytest.fixture(scope="module")
def of_probabilities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The same, logged to answer `predict_proba`."""
    from threadpoolctl import threadpool_limits

    with (
        threadpool_limits(1),
        Both(tmp_path_factory.mktemp("probabilities"), numeric(), method="predict_proba") as pair,
    ):
        yield pair


@pytest.fixture(scope="module", params=["cabin", "price"])
def of_other_tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Of several classes, and of a number."""
    from threadpoolctl import threadpool_limits

    with (
        threadpool_limits(1),
        Both(tmp_path_factory.mktemp(request.param), of_task(request.param), signature=True) as pair,
    ):
        yield pair


def rows(count: int) -> list[list[Any]]:
    """Rows of every kind of value, missing ones too, as JSON has them."""
    tensors, _ = table(7)
    found = [
        [None if np.isnan(age) else age, None if np.isnan(fare) else fare, sex or None, city or None]
        for (age, fare), (sex, city) in zip(tensors.numeric.tolist(), tensors.categorical.tolist(), strict=True)
    ]
    return found[:count]


ROWS = rows(60)
ROW: list[Any] = [39.0, 7.25, "male", "東京"]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
RECORD = dict(zip(NAMES, ROW, strict=True))
SPLIT = {"columns": NAMES, "data": [ROW]}


def csv(*lines: str) -> bytes:
    return "\n".join(["age,fare,sex,city", *lines, ""]).encode()


def in_json(**body: Any) -> bytes:
    return json.dumps(body).encode()


SAME: dict[str, tuple[bytes, str]] = {
    "split": (in_json(dataframe_split={"columns": NAMES, "data": ROWS}), JSON),
    "split, index": (in_json(dataframe_split={**SPLIT, "index": [7]}), JSON),
    "bad: split, index of another length": (
        in_json(dataframe_split={"columns": NAMES, "data": [ROW, ROW], "index": [1, 2, 3]}),
        JSON,
    ),
    "split, other order": (in_json(dataframe_split={"columns": NAMES[::-1], "data": [ROW[::-1]]}), JSON),
    "split, a column that nobody knows": (
        in_json(dataframe_split={"columns": [*NAMES, "x"], "data": [[*ROW, 1]]}),
        JSON,
    ),
    "split, a category that nobody knows": (
        in_json(dataframe_split={"columns": NAMES, "data": [[1.0, 2.0, "x", "y"]]}),
        JSON,
    ),
    "split, whole numbers": (in_json(dataframe_split={"columns": NAMES, "data": [[39, 7, "male", "Kyoto"]]}), JSON),
    "split, a number as text": (in_json(dataframe_split={"columns": NAMES, "data": [["39", 7.0, "male", "x"]]}), JSON),
    "split, NaN": (in_json(dataframe_split={"columns": NAMES, "data": [[float("nan"), 7.0, "male", "x"]]}), JSON),
    "split, charset": (in_json(dataframe_split=SPLIT), "application/json; charset=UTF-8"),
    "records": (in_json(dataframe_records=RECORDS), JSON),
    "records, one lacks a column": (in_json(dataframe_records=[RECORD, {"age": 1.0, "fare": 2.0}]), JSON),
    "records, other fields": (in_json(dataframe_records=[RECORD], anything=1), JSON),
    "records, params": (in_json(dataframe_records=[RECORD], params={"temperature": 1}), JSON),
    "records, params that are none": (in_json(dataframe_records=[RECORD], params=None), JSON),
    "instances": (in_json(instances=[RECORD]), JSON),
    "inputs by column": (in_json(inputs={name: [RECORD[name]] * 3 for name in NAMES}), JSON),
    "inputs by row": (in_json(inputs=[RECORD]), JSON),
    "inputs of one row": (in_json(inputs=RECORD), JSON),
    "a format twice": (b'{"dataframe_records":[],"dataframe_records":[%b]}' % json.dumps(RECORD).encode(), JSON),
    "csv": (csv("39,7.25,male,東京", "80,,female,", ",1e2,,Kyoto"), CSV),
    "csv, charset": (csv("39,7.25,male,東京"), "text/csv; charset=utf-8"),
    "csv, quotes": (csv('"39",7.25,"male","a ""b"", c"'), CSV),
    "csv, words for missing values": (csv("NA,nan,NULL,None", "1,2,male,Kyoto"), CSV),
    "csv, blank lines": (csv("", "39,7.25,male,Kyoto", ""), CSV),
    "csv, byte order mark": ("\ufeff".encode() + csv("39,7.25,male,Kyoto"), CSV),
    "csv, a column that nobody knows": (b"age,fare,sex,city,x\n39,7.25,male,Kyoto,1\n", CSV),
    "bad: no JSON": (b"{", JSON),
    "bad: empty": (b"", JSON),
    "bad: not UTF-8": (b'{"inputs":"\xff"}', JSON),
    "bad: a list": (b"[1]", JSON),
    "bad: a text": (b'"a"', JSON),
    "bad: no format": (in_json(x=1), JSON),
    "bad: two formats": (in_json(dataframe_records=[RECORD], inputs=[[1]]), JSON),
    "bad: of a language model": (in_json(messages=[]), JSON),
    "bad: split without columns": (in_json(dataframe_split={"data": [ROW]}), JSON),
    "bad: split without data": (in_json(dataframe_split={"columns": NAMES}), JSON),
    "bad: split, another key": (in_json(dataframe_split={**SPLIT, "x": 1}), JSON),
    "bad: split, all rows short": (in_json(dataframe_split={"columns": NAMES, "data": [ROW[:3]]}), JSON),
    "bad: split, a long row": (in_json(dataframe_split={"columns": NAMES, "data": [[*ROW, 1]]}), JSON),
    "bad: split, a name twice": (in_json(dataframe_split={"columns": [*NAMES, "age"], "data": [[*ROW, 1]]}), JSON),
    "bad: split, no rows": (in_json(dataframe_split={"columns": NAMES, "data": []}), JSON),
    "bad: split, a list": (in_json(dataframe_split=[]), JSON),
    "bad: records, an object": (in_json(dataframe_records={"age": 1}), JSON),
    "bad: records of scalars": (in_json(dataframe_records=[1, 2]), JSON),
    "bad: records of lists": (in_json(dataframe_records=[ROW]), JSON),
    "bad: records, none": (in_json(dataframe_records=[]), JSON),
    "bad: records without a column": (in_json(dataframe_records=[{"age": 1.0, "fare": 2.0, "sex": "male"}]), JSON),
    "bad: instances of lists": (in_json(instances=[[1.0, 2.0]]), JSON),
    "bad: inputs of unequal length": (in_json(inputs={n: [RECORD[n]] * (1 + (n == "age")) for n in NAMES}), JSON),
    "bad: inputs, a scalar": (in_json(inputs=3), JSON),
    "bad: inputs of scalars": (in_json(inputs=[1.0, 2.0]), JSON),
    "bad: csv, empty": (b"", CSV),
    "bad: csv, header only": (csv(), CSV),
    "bad: csv, no header": (b"39,7.25,male,Kyoto\n", CSV),
    "bad: csv, without a column": (b"age,fare,sex\n39,7.25,male\n", CSV),
    "bad: csv, a long row": (csv("39,7.25,male,Kyoto", "39,7.25,male,Kyoto,1"), CSV),
    "bad: csv, an open quote": (csv('39,7.25,"male,Kyoto'), CSV),
    "bad: csv, not UTF-8": (b"age,fare,sex,city\n39,7.25,male,\xff\n", CSV),
    "bad: csv, blanks before names": (b"age, fare, sex, city\n39, 7.25, male, Kyoto\n", CSV),
    "bad: csv in another charset": (csv("39,7.25,male,Kyoto"), "text/csv; charset=latin-1"),
    "bad: a parameter of the type": (in_json(dataframe_split=SPLIT), "application/json; format=pandas-split"),
    "bad: another type": (b"<a/>", "application/xml"),
    "bad: no Parquet": (b"x", "application/vnd.apache.parquet"),
}

# what the documentation says is different: the status of MLflow, and ours
DIFFERENT: dict[str, tuple[bytes, str, int, int]] = {
    "more names of rows than the one row": (in_json(dataframe_split={**SPLIT, "index": [7, 8]}), JSON, 200, 400),
    "one row is short": (in_json(dataframe_split={"columns": NAMES, "data": [ROW, ROW[:3]]}), JSON, 200, 400),
    "a row of csv is short": (csv("39,7.25"), CSV, 200, 400),
    "csv names a column twice": (b"age,fare,sex,city,age\n39,7.25,male,Kyoto,1\n", CSV, 200, 400),
    "a number is infinite": (b'{"inputs":[{"age":1e400,"fare":1,"sex":"male","city":"x"}]}', JSON, 200, 400),
    "no number in a column of numbers": (in_json(inputs=[{**RECORD, "age": "old"}]), JSON, 400, 200),
    "csv says it has no header": (b"39,male,7.25,Kyoto\n", "text/csv; header=absent", 415, 200),
    "the type in capitals": (in_json(dataframe_split=SPLIT), "Application/JSON", 415, 200),
}


@pytest.mark.parametrize("name", SAME)
def test_a_body_gets_the_status_and_the_labels_that_mlflow_gives(of_mixed: Pair, name: str) -> None:
    body, kind = SAME[name]
    theirs, ours = of_mixed.ask(body, kind)
    assert (theirs.kind, ours.kind) == ((4, 4) if name.startswith("bad: ") else (2, 2))
    if ours.content is not None:
        assert ours.content["predictions"] == theirs.content["predictions"]


def test_both_labels_are_among_the_answers(of_mixed: Pair) -> None:
    theirs, _ = of_mixed.ask(*SAME["split"])
    assert set(theirs.content["predictions"]) == {"yes", "no"}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_different_is_what_the_documentation_says(of_mixed: Pair, name: str) -> None:
    body, kind, expected_theirs, expected_ours = DIFFERENT[name]
    theirs, ours = of_mixed.ask(body, kind)
    assert (theirs.status, ours.status) == (expected_theirs, expected_ours)


@pytest.mark.parametrize("name", ["split", "records", "inputs by column", "csv", "bad: no format"])
def test_labels_of_several_classes_and_numbers_are_mlflows(of_other_tasks: Pair, name: str) -> None:
    theirs, ours = of_other_tasks.ask(*SAME[name])
    assert (theirs.kind, ours.kind) == ((4, 4) if name.startswith("bad: ") else (2, 2))
    if ours.content is None:
        return
    answers, expected = ours.content["predictions"], theirs.content["predictions"]
    if name == "split":
        assert len(set(expected)) > 2
    if isinstance(expected[0], str):
        assert answers == expected
    else:
        np.testing.assert_allclose(answers, expected, rtol=1e-12)


NUMBER_ROWS = [row[:2] for row in ROWS]
NUMBER_BODIES: dict[str, bytes] = {
    "split": in_json(dataframe_split={"columns": ["age", "fare"], "data": NUMBER_ROWS}),
    "split without columns": in_json(dataframe_split={"data": NUMBER_ROWS}),
    "records": in_json(dataframe_records=[dict(zip(("age", "fare"), row, strict=True)) for row in NUMBER_ROWS]),
    "instances": in_json(instances=NUMBER_ROWS),
    "inputs": in_json(inputs=NUMBER_ROWS),
}


@pytest.mark.parametrize("name", NUMBER_BODIES)
def test_labels_that_are_whole_numbers_are_mlflows(of_numbers: Pair, name: str) -> None:
    theirs, ours = of_numbers.ask(NUMBER_BODIES[name], JSON)
    assert (theirs.status, ours.status) == (200, 200)
    assert set(theirs.content["predictions"]) == {0, 1}
    assert ours.content == theirs.content


@pytest.mark.parametrize("name", NUMBER_BODIES)
def test_probabilities_are_those_of_a_model_that_was_logged_to_answer_them(of_probabilities: Pair, name: str) -> None:
    asked = json.loads(NUMBER_BODIES[name]) | {"params": {"predict_method": "predict_proba"}}
    theirs, ours = of_probabilities.ask(json.dumps(asked).encode(), JSON)
    assert (theirs.status, ours.status) == (200, 200)
    np.testing.assert_allclose(ours.content["predictions"], theirs.content["predictions"], rtol=0, atol=1e-12)


def test_mlflow_is_there() -> None:
    """It is what this file is about; a test that skips itself would say nothing."""
    assert shutil.which("mlflow", path=str(Path(sys.executable).parent))
