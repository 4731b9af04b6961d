from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer.main

from tabi.cli.main import app
from tabi.deploy.history import Deployment, begin, finish
from tabi.deploy.local import TOLD
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.cli.conftest import Tabi
from tests.registry.governed import ANN


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "projects").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["deploy", "adult"], "adult has no champion: promote a version, or name one with --version"),
        (["deploy", "adult", "--version", "3"], "adult has no version 3: it has none yet"),
        (["deploy", "adult", "--image", "tabi:latest"], "--image 'tabi:latest' can be moved"),
        (["deploy", "../adult"], "../adult"),
        (["deploy", "adult", "--env", "../dev"], "--env '../dev': a name of small letters"),
        (["rollback", "adult", "--reason", "x", "--image-only"], "--image-only and --model-only are of a target"),
        (
            ["rollback", "adult", "--reason", "x", "--target", "local", "--image-only", "--model-only"],
            "exclude each other",
        ),
        (["rollback", "adult", "--reason", "x", "--target", "local", "--to", "1"], "--to is of the model alone"),
        (["rollback", "adult", "--reason", " ", "--target", "local"], "a reason is needed"),
        (["rollback", "adult", "--reason", "x", "--target", "local"], "nothing was on local before nothing"),
        (["deployments", "adult"], "adult was never deployed; deployed were: none yet"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(home: Path, tabi: Tabi, arguments: list[str], says: str) -> None:
    said = tabi(home, *arguments)
    assert (said.code, said.err.count("tabi: ")) == (2, 1)
    assert says in said.err


def test_what_was_refused_is_not_recorded(home: Path, tabi: Tabi) -> None:
    assert tabi(home, "deploy", "adult").code == 2
    assert tabi(home, "deployments", "--json").out == ""


def test_the_history_is_a_table_for_people_and_a_line_each_for_programs(home: Path, tabi: Tabi) -> None:
    room = Room.open(Workspace.find(home, {}))
    for revision in ("local-1", "local-2"):
        begun = begin(room, ANN, Deployment("adult", "local", "dev", "deploy", version=1, reason="new"))
        finish(room, ANN, replace(begun, outcome="succeeded", revision=revision, seconds=1.25))
    head, *rows = tabi(home, "deployments", "adult").out.splitlines()
    assert head.split()[0] == "ID"
    assert [row.split()[8] for row in rows] == ["local-1", "local-2"]
    told = [json.loads(line) for line in tabi(home, "deployments", "--json").out.splitlines()]
    assert [(each["id"], each["revision"], each["by"]) for each in told] == [
        (1, "local-1", "ann"),
        (2, "local-2", "ann"),
    ]


def test_a_local_server_is_told_by_every_variable_of_serve() -> None:
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    variables = {each.envvar for each in serve.params if getattr(each, "envvar", None)}
    # these two are the target's own matter
    assert variables - set(TOLD) == {"TABI_ADMIN_PORT", "TABI_HANDOVER"}


def test_who_may_not_deploy_is_refused(home: Path, tabi: Tabi) -> None:
    (home / "identity.toml").write_text(f'[[token]]\nname = "bot"\nsha256 = "{"a" * 64}"\nroles = ["trainer"]\n')
    for arguments in (
        ("deploy", "adult"),
        ("deploy", "adult", "--stop"),
        ("rollback", "adult", "--target", "local", "--reason", "x"),
    ):
        said = tabi(home, *arguments)
        assert (said.code, "it takes the role operator" in said.err) == (1, True), said.err
