"""`tabi deploy --target local` with real servers, real kills, and requests that flow meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.flow import flowing
from tabi.registry.room import Room
from tests.cli.conftest import Said
from tests.deploy.harbour_home import BODY, NAME, PREDICT, Home, free_port, make_home, unloadable
from tests.serving.conftest import Harbour, harbour, own_harbour

pytestmark = pytest.mark.system
__all__ = ["harbour", "own_harbour"]

LIMIT_S = 120


@dataclass(frozen=True)
class Desk:
    """Where somebody deploys from."""

    home: Home
    port: int
    more: Mapping[str, str] = field(default_factory=dict)

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environ = {key: text for key, text in os.environ.items() if not key.startswith("TABI_")}
        return subprocess.Popen(
            [sys.executable, "-m", "tabi", *arguments],
            env={**environ, **self.home.environ, "TABI_PORT": str(self.port), **self.more, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tabi(self, *arguments: str, **variables: str) -> Said:
        with self.begin(*arguments, **variables) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        return Said(process.returncode, out, err)

    def must(self, *arguments: str, **variables: str) -> str:
        said = self.tabi(*arguments, **variables)
        assert said.code == 0, said.err
        return said.out

    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.must("deployments", NAME, "--json").splitlines()]

    def servers(self) -> list[int]:
        """The processes that serve from this home."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        try:
            ours = f"TABI_HOME={self.home.workspace.root}".encode() in (path / "environ").read_bytes().split(b"\0")
            return ours and b"\0serve\0" in (path / "cmdline").read_bytes()
        except OSError:
            return False

    def champion(self) -> int:
        stored = Room.open(self.home.workspace).store.policy(NAME)
        assert stored is not None
        return stored.policy.champion.version


@pytest.fixture
def desk(tmp_path: Path, own_harbour: Harbour) -> Iterator[Desk]:
    found = Desk(make_home(tmp_path, own_harbour, unloadable(own_harbour, tmp_path)), free_port())
    yield found
    for left in found.servers():
        os.kill(left, signal.SIGKILL)


def until_one_server(desk: Desk) -> None:
    """What was asked to end answers what it was asked, and goes."""
    end = time.monotonic() + LIMIT_S
    while desk.servers() != [running(desk)]:
        assert time.monotonic() < end, desk.servers()
        time.sleep(0.05)


def running(desk: Desk) -> int:
    path = desk.home.workspace.deployed / f"local-dev-{NAME}" / "running.json"
    pid: int = json.loads(path.read_text())["pid"]
    return pid


def test_image_and_model_go_forth_and_back_and_no_request_is_lost(desk: Desk) -> None:
    assert desk.must("deploy", NAME).startswith(f"deploy 1: {NAME}:1 on local as local-")
    older, newer = desk.home.bundles[:2]
    with flowing(desk.port, PREDICT, BODY) as flow:
        desk.must("deploy", NAME, "--version", "2", "--reason", "more workers", TABI_WORKERS="2")
        until_one_server(desk)
        # the model alone: nothing is started
        before = running(desk)
        desk.must("rollback", NAME, "--target", "local", "--model-only", "--reason", "worse")
        assert (running(desk), desk.champion()) == (before, 1)
        desk.must("rollback", NAME, "--target", "local", "--reason", "slower")
        until_one_server(desk)
    assert flow.failed == []
    # two servers follow the store each for itself, so that for a moment both versions answer
    assert set(flow.versions) == {older, newer}
    assert flow.versions[0] == flow.versions[-1] == older
    first, second, *backs = desk.history()
    assert [each["outcome"] for each in (first, second, *backs)] == ["succeeded"] * 4
    assert (second["before"], second["bundle"], second["version"]) == (first["revision"], newer, 2)
    assert first["revision"] != second["revision"]
    assert [(each["kind"], each["revision"], each["version"]) for each in backs] == [
        ("rollback", second["revision"], 1),
        ("rollback", first["revision"], 1),
    ]

    # there is nothing before the first, and nothing is touched
    said = desk.tabi("rollback", NAME, "--target", "local", "--reason", "again")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "nothing was on local before local-" in said.err
    assert len(desk.history()) == 4
    assert desk.must("deploy", NAME, "--stop").startswith("stopped local-")
    assert desk.servers() == []


def test_the_revision_alone_returns_and_the_model_stays(desk: Desk) -> None:
    desk.must("deploy", NAME)
    with flowing(desk.port, PREDICT, BODY) as flow:
        desk.must("deploy", NAME, "--version", "2", TABI_WORKERS="2")
        desk.must("rollback", NAME, "--target", "local", "--image-only", "--reason", "more memory than there is")
        until_one_server(desk)
    assert flow.failed == []
    assert flow.versions[-1] == desk.home.bundles[1]
    first, _, back = desk.history()
    assert (back["revision"], back["version"], desk.champion()) == (first["revision"], 2, 2)


def test_a_deployment_that_is_killed_is_told_by_the_next_and_leaves_no_second_server(desk: Desk) -> None:
    desk.must("deploy", NAME)
    kept = running(desk)
    with flowing(desk.port, PREDICT, BODY) as flow:
        with desk.begin("deploy", NAME, TABI_WORKERS="2") as killed:
            assert killed.stderr is not None
            assert any("is started as process" in line for line in killed.stderr)
            killed.kill()
        assert desk.history()[-1]["outcome"] == "begun"
        assert len(desk.servers()) == 2
        said = desk.tabi("deploy", NAME, "--reason", "again")
        assert said.code == 0
        assert "note: deploy 2 of voyage on local, dev, begun " in said.err
    assert flow.failed == []
    assert (desk.servers(), running(desk)) == ([kept], kept)
    assert [each["outcome"] for each in desk.history()] == ["succeeded", "cut", "succeeded"]


def test_what_fails_returns_by_itself_to_what_ran_before(desk: Desk) -> None:
    desk.must("deploy", NAME)
    kept = running(desk)
    with flowing(desk.port, PREDICT, BODY) as flow:
        # a server that cannot start
        said = desk.tabi("deploy", NAME, TABI_LIMITS="body=none")
        assert (said.code, said.err.count("tabi: ")) == (1, 1)
        assert "failed: the server ended before it answered: limit body: give a whole number" in said.err
        assert "returned to local-" in said.err
        # a model that cannot be loaded: it had become champion
        said = desk.tabi("deploy", NAME, "--version", "3")
        assert said.code == 1
        assert f"{desk.home.bundles[2][:12]} is not loaded by the server: " in said.err
    assert flow.failed == []
    assert set(flow.versions) == {desk.home.bundles[0]}
    assert (desk.champion(), desk.servers(), running(desk)) == (1, [kept], kept)
    assert [each["outcome"] for each in desk.history()] == ["succeeded", "failed", "failed"]


def test_a_port_that_another_program_has_is_told_and_nothing_is_left(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", desk.port)):
        said = desk.tabi("deploy", NAME)
    assert said.code == 1
    assert "Address already in use" in said.err
    assert said.err.strip().endswith("nothing ran before, and nothing runs now")
    assert desk.servers() == []
    (failed,) = desk.history()
    assert (failed["outcome"], failed["before"]) == ("failed", "")


def test_two_deployments_at_once_do_not_meet(desk: Desk) -> None:
    with desk.begin("deploy", NAME) as first:
        assert first.stderr is not None
        assert "nothing runs now" in first.stderr.readline()
        # it is to be at work for as long as the second one takes to ask
        first.send_signal(signal.SIGSTOP)
        said = desk.tabi("deploy", NAME)
        first.send_signal(signal.SIGCONT)
        assert said.code == 1
        assert "another deployment of voyage on local, dev is under way" in said.err
        first.communicate(timeout=LIMIT_S)
    assert first.returncode == 0
