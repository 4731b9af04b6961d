"""`POST /explain` over real bundles: what it answers, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tabi.bundle import Bundle, layout, write_bundle
from tabi.explain import Explanation
from tabi.explain.arrays import pack, unpack
from tabi.store import Store
from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, asking, contract, logistic, native, serving, table

BODY = json.dumps({"features": ROW}).encode()


@pytest.fixture(scope="module")
def documents(harbour: Harbour) -> dict[str, bytes]:
    """`explanation.json` of the tiny models."""
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline
    from tabi.compile.explanation import explanation_of
    from tabi.data import frame_of

    tensors, _ = table(1)
    found = {}
    with threadpool_limits(1):
        for name, pipeline in (("voyage", native(1)), ("linear", logistic(1))):
            compiled = compile_pipeline(pipeline, contract())
            frame = frame_of(tensors, contract())
            found[name] = explanation_of(pipeline, compiled, contract(), frame, tensors, 0)
    return found


def with_explanation(harbour: Harbour, folder: Path, name: str, document: bytes) -> Store:
    """A store with one model of the harbour, its bundle holding `document`."""
    source = harbour.path(name)
    made = folder / "bundle"
    made.mkdir()
    for entry in Bundle.open(source).manifest.files:
        (made / entry.path).write_bytes((source / entry.path).read_bytes())
    (made / layout.EXPLANATION).write_bytes(document)
    digest = "2" * 64
    manifest = write_bundle(
        made,
        name=name,
        created="2026-11-21T09:00:00+00:00",
        git_commit="c0ffee",
        run="1",
        snapshot=digest,
        environment=digest,
        runtime={},
    )
    store = Store(folder / "store")
    store.put_bundle(made)
    store.set_latest(name, manifest.id, None)
    return store


@pytest.fixture
def explained(harbour: Harbour, documents: dict[str, bytes], make_worker: MakeWorker, tmp_path: Path) -> Ask:
    return asking(make_worker(with_explanation(harbour, tmp_path, "voyage", documents["voyage"]), "voyage"))


@pytest.mark.parametrize("features", [ROW, {}, {**ROW, "city": "Atlantis"}, {**ROW, "age": None}, {**ROW, "age": 130}])
def test_contributions_add_up_to_the_log_odds_of_what_predict_answers(explained: Ask, features: Any) -> None:
    body = json.dumps({"features": features}).encode()
    status, _, found = explained("POST", "/explain", body)
    predicted = explained("POST", "/predict", body)[2]
    assert status == 200
    assert (found["prediction"], found["answer"]) == (predicted["label"], predicted["probability"])
    assert found["warnings"] == predicted["warnings"]
    assert (found["link"], found["of"], found["classes"]) == ("logit", "yes", [])
    total = found["base"] + sum(each["contribution"] for each in found["contributions"])
    assert total == pytest.approx(math.log(found["answer"] / (1 - found["answer"])), abs=1e-9)
    assert {each["column"] for each in found["contributions"]} == {"age", "sex", "fare", "city"}
    sizes = [abs(each["contribution"]) for each in found["contributions"]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_model_below_its_name_explains_too(explained: Ask) -> None:
    assert explained("POST", "/models/voyage/explain", BODY)[2]["model"] == "voyage"
    assert explained("POST", "/models/none/explain", BODY)[0] == 404
    assert explained("GET", "/explain")[0] == 405


def test_what_is_no_row_is_refused_as_by_predict(explained: Ask) -> None:
    for body in (b"{", b'{"rows":[]}', b'{"features":{"age":[]}}'):
        ours, theirs = explained("POST", "/explain", body), explained("POST", "/predict", body)
        assert ours[0] == theirs[0] == 422
        assert ours[2]["errors"] == theirs[2]["errors"]
    assert explained("POST", "/explain", b"age\n3\n", {"Content-Type": "text/csv"})[0] == 415


def test_a_version_without_explanations_says_how_to_get_them(ask: Ask) -> None:
    status, headers, problem = ask("POST", "/explain", BODY)
    assert (status, headers["content-type"]) == (501, "application/problem+json")
    assert "explain: true" in problem["detail"]


def test_a_wrong_explanation_is_never_given(
    harbour: Harbour, documents: dict[str, bytes], make_worker: MakeWorker, tmp_path: Path
) -> None:
    honest = Explanation.from_json(documents["voyage"])
    trees: Any = honest.model
    values = unpack(trees.value, "float64", trees.nodes)
    values[np.flatnonzero(values)[0]] += 1e-3
    wrong = msgspec.structs.replace(
        honest,
        offsets=(honest.offsets[0] + 2e-6,),
        model=msgspec.structs.replace(trees, value=pack(values, "float64")),
    )
    ask = asking(make_worker(with_explanation(harbour, tmp_path, "voyage", wrong.to_json()), "voyage"))
    status, _, problem = ask("POST", "/explain", BODY)
    assert status == 500
    assert "do not add up" in problem["detail"]
    assert ask("POST", "/predict", BODY)[0] == 200


def test_a_row_without_an_answer_has_no_explanation(
    harbour: Harbour, documents: dict[str, bytes], make_worker: MakeWorker, tmp_path: Path
) -> None:
    ask = asking(make_worker(with_explanation(harbour, tmp_path, "linear", documents["linear"]), "linear"))
    for fare, predicted in ((1e308, 422), (-1e307, 200)):
        large = json.dumps({"features": {**ROW, "fare": fare, "age": 1e308}}).encode()
        status, _, problem = ask("POST", "/explain", large)
        # a probability may be 0 or 1 where its score is beyond all numbers
        assert (status, problem["errors"][0]["rule"]) == (422, "no_probability")
        assert ask("POST", "/predict", large)[0] == predicted
    assert ask("POST", "/explain", BODY)[0] == 200


def test_a_real_server_explains_without_a_training_library(
    harbour: Harbour, documents: dict[str, bytes], tmp_path: Path
) -> None:
    store = with_explanation(harbour, tmp_path, "voyage", documents["voyage"])
    with serving(store.root, "voyage") as server:
        assert server.ask("POST", "/explain", BODY)[0] == 200
        assert server.ask("POST", "/explain", BODY)[0] == 200
        own = Path(f"/proc/{server.process.pid}")
        children = [pid for told in own.glob("task/*/children") for pid in told.read_text().split()]
        maps = [Path(f"/proc/{pid}/maps").read_text() for pid in (server.process.pid, *children)]
    # it is explained beside the process that answers the rows
    assert len(maps) > 1
    for each in maps:
        assert "numpy" in each
        assert not any(f"/{name}/" in each for name in ("sklearn", "pandas", "scipy", "onnx"))


def test_the_document_describes_what_is_answered(explained: Ask) -> None:
    from jsonschema import Draft202012Validator

    document = explained("GET", "/openapi.json")[2]
    answers = document["paths"]["/explain"]["post"]["responses"]
    assert {"200", "415", "422", "500", "501"} <= set(answers)
    schema = {**answers["200"]["content"]["application/json"]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(explained("POST", "/explain", BODY)[2])


def test_the_command_line_explains_as_the_server_does(
    harbour: Harbour, documents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from tabi.cli.main import app
    from tabi.serving.explanations import explain_row
    from tabi.serving.model import Model

    store = with_explanation(harbour, tmp_path, "voyage", documents["voyage"])
    monkeypatch.setenv("TABI_STORE", str(store.root))
    (tmp_path / "row.json").write_bytes(BODY)
    told = CliRunner().invoke(app, ["predict", "voyage", "--json", str(tmp_path / "row.json"), "--explain"])
    reply = explain_row(Model.open(store.resolve("voyage")), ROW, "1")
    assert told.exit_code == 0
    assert json.loads(told.output)["contributions"] == msgspec.to_builtins(reply.contributions)
    monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
    refused = CliRunner().invoke(app, ["predict", "voyage", "--json", str(tmp_path / "row.json"), "--explain"])
    assert refused.exit_code == 1
    assert "explain: true" in str(refused.exception)
