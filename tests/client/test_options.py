"""Options and addresses that cannot mean anything are refused before anything is sent."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from tabi.client import AsyncClient, AsyncModel, Client, InputError, Model
from tabi.client.options import Keywords, Options
from tests.serving.conftest import ROW

HERE = "http://127.0.0.1:1"
WORD = "s3cret"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://host", "http://", "http://h:x", "http://h/?a=1", "http://h/#x", 7]
)
def test_an_address_is_http_and_nothing_else(kind: Any, url: Any) -> None:
    with pytest.raises(InputError, match="address"):
        kind(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "a b"},
        {"token": ""},
        {"token": "a\r\nx: y"},
        {"timeout": 0},
        {"deadline": -1},
        {"connections": 0},
        {"most_rows": 0},
        {"most_bytes": 0},
    ],
)
def test_an_option_that_cannot_be_used_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Client(HERE, **wrong)


def test_the_keywords_are_the_fields_of_the_options() -> None:
    assert list(Keywords.__annotations__) == list(Options.__dataclass_fields__)


def test_the_page_names_every_option_and_every_verb() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
    verbs = {name for kind in (Client, Model) for name in dir(kind) if not name.startswith("_")} - {"close"}
    assert [
        name for name in {*Keywords.__annotations__, *verbs} if f"`{name}`" not in page and f"`{name}(" not in page
    ] == []


@pytest.mark.parametrize(("kind", "same"), [(Client, AsyncClient), (Model, AsyncModel)])
def test_the_async_client_has_the_verbs_of_the_sync_one(kind: type, same: type) -> None:
    def verbs(of: type) -> dict[str, tuple[str, ...]]:
        named = {name: getattr(of, name) for name in dir(of) if not name.startswith("_")}
        return {name: tuple(map(str, inspect.signature(verb).parameters.values())) for name, verb in named.items()}

    assert verbs(kind) == verbs(same)


def test_a_token_is_not_shown() -> None:
    assert WORD not in repr(Options(token=WORD, headers={"authorization": WORD}))


@pytest.mark.parametrize("wrong", ["", "a b", "é", "x" * 113, "a\n"])
def test_a_request_id_that_the_server_would_replace_is_refused(wrong: str) -> None:
    with Client(HERE) as client, pytest.raises(InputError, match="request_id"):
        client.predict(ROW, request_id=wrong)


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_a_model_without_a_name_is_refused(wrong: str) -> None:
    with Client(HERE) as client, pytest.raises(InputError, match="name of a model"):
        client.model(wrong)
