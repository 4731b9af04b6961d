"""The commands of the registry, over versions that were put into the state database: MLflow is down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabi.registry.room import Room
from tabi.registry.traffic import publish_numbers
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.cli.conftest import Tabi
from tests.registry.governed import CLOSED, CONFIG, NAME, bundle_in_store


@pytest.fixture
def shop(tmp_path: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project of two candidates."""
    monkeypatch.setenv("TABI_TRACKING_URI", CLOSED)
    (tmp_path / "projects" / NAME).mkdir(parents=True)
    (tmp_path / "projects" / NAME / "config.yaml").write_text(CONFIG)
    room = Room.open(Workspace.find(tmp_path, {}))
    with room.database.writing() as connection:
        for number in (1, 2):
            bundle = bundle_in_store(room, "run", number).id
            figures = f'{{"auc": 0.9{number}}}'
            moment = "2026-11-21T09:00:00+00:00"
            row = Version(NAME, number, bundle, "run", "2" * 64, "candidate", figures, "tom", "ann", moment)
            add(connection, row)
    publish_numbers(room, NAME)
    return tmp_path


def test_a_version_goes_from_candidate_to_champion_and_back(shop: Path, tabi: Tabi) -> None:
    assert "adult:1 is approved by " in tabi(shop, "approve", NAME, "1", "--reason", "good").out
    assert tabi(shop, "promote", NAME, "1").out.endswith("is the champion\n")
    assert tabi(shop, "promote", NAME).out.endswith("is the champion, before it 1\n")
    said = tabi(shop, "rollback", NAME, "--reason", "errors rose")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("adult:1 ")
    assert "adult:2 is rejected by " in tabi(shop, "reject", NAME, "2", "--reason", "errors rose").out
    listed = json.loads(tabi(shop, "models", NAME, "--json").out)
    assert [(v["version"], v["state"], v["aliases"], v["metrics"]) for v in listed] == [
        (1, "live", ["champion"], {"auc": 0.91}),
        (2, "rejected", [], {"auc": 0.92}),
    ]
    head, first, second = tabi(shop, "models").out.splitlines()
    assert head.split() == ["MODEL", "VERSION", "BUNDLE", "STATE", "ALIASES", "METRICS", "RELEASED", "BY"]
    assert first.split()[:5] == [NAME, "1", listed[0]["bundle"][:12], "live", "champion"]
    assert second.endswith("auc 0.9200  2026-11-21 09:00  ann")


def test_what_could_not_be_done_beside_it_is_told_on_stderr(shop: Path, tabi: Tabi) -> None:
    said = tabi(shop, "promote", NAME)
    assert said.code == 0
    assert said.err.startswith("note: the tracking server 127.0.0.1:9 cannot be reached")
    said = tabi(shop, "promote", NAME, "--resume")
    assert said.out in {"nothing of adult was cut\n", "adult is whole\n"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["promote", "nothing"], 2, "nothing has no version: run `tabi release nothing` first"),
        (["promote", NAME, "9"], 2, "adult has no version 9: it has 1, 2"),
        (["rollback", NAME, "--reason", "x"], 2, "adult has no champion: run `tabi promote adult` first"),
        (["rollback", NAME, "--reason", " "], 2, "a reason is needed"),
        (["models", "nothing"], 2, "nothing has no version"),
        (["show", "adult"], 2, "no version of adult was promoted"),
        (["show", "adult@previous"], 2, "adult has no version before its champion"),
        (["predict", "adult:7", "--json", "x"], 2, "x"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    shop: Path, tabi: Tabi, arguments: list[str], code: int, says: str
) -> None:
    said = tabi(shop, *arguments)
    assert (said.code, said.err.count("\n")) == (code, 1)
    assert says in said.err
