"""Several models, and what operators may do: a real server with two models and a file of tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabi.client import AccessError, Client, ReplyError, UnknownError
from tests.client.conftest import Call
from tests.serving.conftest import ROW, Harbour, Server, contract, serving

WORD, OTHER = "letmein-42", "may-only-look"


@pytest.fixture(scope="module")
def fleet(harbour: Harbour, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of voyage and linear."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    lines = [f"{name} {scope} {hashlib.sha256(token.encode()).hexdigest()}" for name, scope, token in TOKENS]
    tokens.write_text("\n".join(lines))
    with serving(harbour.store.root, "voyage", "linear", options=["--tokens", str(tokens)]) as running:
        yield running


TOKENS = [("ops", "reload", WORD), ("scraper", "metrics", OTHER)]


@pytest.fixture
def url(fleet: Server) -> str:
    return f"http://{fleet.host}:{fleet.port}"


def test_each_model_answers_below_its_name(call: Call, url: str) -> None:
    models = call(url, lambda client: client.models())
    assert [(model.name, model.ready, model.problem) for model in models] == [
        ("voyage", True, None),
        ("linear", True, None),
    ]
    for model in models:
        one = call(url, lambda client, name=model.name: client.model(name).predict(ROW))
        many = call(url, lambda client, name=model.name: client.model(name).predict_batch([ROW] * 3), most_rows=2)
        assert (one.model, one.version) == (many.model, many.version) == (model.name, model.version)
        assert [found.probability for found in many.predictions] == [one.probability] * 3
        assert call(url, lambda client, name=model.name: client.model(name).status()) == model
        schema = call(url, lambda client, name=model.name: client.model(name).schema())
        assert [column.name for column in schema.columns] == [column.name for column in contract().columns]


def test_where_there_are_several_one_must_be_named(call: Call, url: str) -> None:
    for verb in ("predict", "predict_batch"):
        with pytest.raises(UnknownError):
            call(url, lambda client, verb=verb: getattr(client, verb)([] if "batch" in verb else {}))
    with pytest.raises(UnknownError):
        call(url, lambda client: client.schema())
    with pytest.raises(ReplyError):
        call(url, lambda client: client.health())


def test_ready_and_what_is_ready(call: Call, url: str) -> None:
    assert call(url, lambda client: client.ready()) is True
    found = call(url, lambda client: client.readiness())
    assert (found.status, [model.name for model in found.models], found.problems) == ("ready", ["voyage", "linear"], ())


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 401), (OTHER, 403)])
def test_without_the_right_token_nothing_is_reloaded(call: Call, url: str, token: str | None, status: int) -> None:
    with pytest.raises(AccessError) as raised:
        call(url, lambda client: client.reload(), token=token)
    assert raised.value.status == status


def test_a_token_or_the_admin_port_reloads(call: Call, url: str, fleet: Server, harbour: Harbour) -> None:
    newer = str(harbour.path("voyage", harbour.newer))
    done = call(url, lambda client: client.model("voyage").reload(newer), token=WORD)
    assert (done.status, done.workers, done.followed) == ("ok", 1, 1)
    assert [(model.name, model.version) for model in done.models] == [("voyage", harbour.newer)]
    with Client(url) as client:
        assert client.model("voyage").predict(ROW).version == harbour.newer
    again = call(f"http://{fleet.host}:{fleet.admin_port}", lambda client: client.reload())
    assert {model.name: model.version for model in again.models}["voyage"] == harbour.older


def test_a_bundle_that_is_not_there_is_unknown(call: Call, url: str) -> None:
    with pytest.raises(UnknownError):
        call(url, lambda client: client.model("voyage").reload(str(Path("models/voyage/snapshots/none"))), token=WORD)
