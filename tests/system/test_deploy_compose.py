"""`tabi deploy --target compose` on a real engine: images by id, requests that flow, one image that is broken."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.flow import flowing
from tests.deploy.harbour_home import BODY, NAME, PREDICT, free_port, make_home
from tests.serving.conftest import Harbour, harbour, own_harbour
from tests.system.conftest import give_up
from tests.system.engine import REPOSITORY, Engine
from tests.system.test_deploy_local import LIMIT_S, Desk

pytestmark = pytest.mark.system
__all__ = ["harbour", "own_harbour"]

FILE = REPOSITORY / "infra" / "compose" / "compose.yaml"
# a real server, which is told to serve what is not there as well
BROKEN = '["python", "-m", "tabi", "serve", "absent"]'


@pytest.fixture
def desk(tmp_path: Path, own_harbour: Harbour, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if engine.run("compose", "version").returncode:
        give_up("the engine has no compose: apt-get install docker-compose-v2")
    for folder in (tmp_path, own_harbour.store.root):
        folder.chmod(0o755)
    for key, text in engine.environ.items():
        monkeypatch.setenv(key, text)
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", f"tabi-{uuid.uuid4().hex[:8]}")
    found = Desk(make_home(tmp_path, own_harbour), free_port(), {"TABI_COMPOSE_FILES": str(FILE)})
    yield found
    whose = f"label=com.docker.compose.project={os.environ['COMPOSE_PROJECT_NAME']}"
    for left in engine.must("ps", "--all", "--quiet", "--filter", whose).split():
        engine.run("rm", "--force", "--volumes", left)
    engine.run("network", "prune", "--force", "--filter", whose)
    engine.run("volume", "prune", "--all", "--force", "--filter", whose)


def changed(engine: Engine, image: str, change: str) -> str:
    """The id of an image that differs in one line of its configuration."""
    container = engine.must("create", image)
    try:
        return engine.must("commit", "--change", change, container)
    finally:
        engine.run("rm", container)


def test_images_go_forth_and_back_and_no_request_is_lost(desk: Desk, engine: Engine, image: str) -> None:
    to = ("--target", "compose", "--image")
    said = desk.tabi("deploy", NAME, *to, "tabi:newest")
    assert (said.code, "can be moved: name it REPOSITORY@sha256:" in said.err) == (2, True)
    said = desk.tabi("deploy", NAME, *to, f"localhost:9/tabi@sha256:{'0' * 64}")
    assert (said.code, "is not here and cannot be fetched" in said.err) == (2, True)
    assert desk.tabi("deployments", NAME).code == 2

    desk.must("deploy", NAME, *to, image)
    other = changed(engine, image, "LABEL tabi.test=other")
    broken = changed(engine, image, f"ENTRYPOINT {BROKEN}")
    try:
        with flowing(desk.port, PREDICT, BODY) as flow:
            desk.must("deploy", NAME, *to, other, "--version", "2")
            failed = desk.tabi("deploy", NAME, *to, broken)
            desk.must("rollback", NAME, "--target", "compose", "--reason", "back")
    finally:
        engine.run("rmi", "--force", broken)
    assert flow.failed == []
    assert (failed.code, failed.err.count("tabi: ")) == (1, 1)
    assert "failed: the server ended with exit code 78: absent cannot be served" in failed.err
    first, second, third, back = desk.history()
    assert [each["outcome"] for each in (first, second, third, back)] == [*["succeeded"] * 2, "failed", "succeeded"]
    assert failed.err.strip().endswith(f"returned to {second['revision']}, which ran before")
    assert (back["revision"], back["image"], back["version"]) == (first["revision"], image, 1)
    assert flow.versions[0] == flow.versions[-1] == desk.home.bundles[0]
    assert desk.home.bundles[1] in set(flow.versions)

    assert desk.must("deploy", NAME, "--target", "compose", "--stop").startswith("stopped compose-")
    project = f"label=com.docker.compose.project={os.environ['COMPOSE_PROJECT_NAME']}"
    assert engine.must("ps", "--all", "--quiet", "--filter", project) == ""
    engine.run("rmi", "--force", other)


def containers(engine: Engine) -> int:
    """How many servers of this project there are."""
    project = os.environ["COMPOSE_PROJECT_NAME"]
    labels = (f"com.docker.compose.project={project}", "com.docker.compose.service=server")
    return len(
        engine.must("ps", "--quiet", *(word for each in labels for word in ("--filter", f"label={each}"))).split()
    )


def test_two_at_once_each_part_back_alone_and_one_that_is_killed(desk: Desk, engine: Engine, image: str) -> None:
    to = ("deploy", NAME, "--target", "compose", "--image")
    back = ("rollback", NAME, "--target", "compose", "--reason", "worse")
    desk.must(*to, image)
    other = changed(engine, image, "LABEL tabi.test=parts")
    try:
        with flowing(desk.port, PREDICT, BODY) as flow:
            with desk.begin(*to, other, "--version", "2") as first:
                assert first.stderr is not None
                assert "runs now" in first.stderr.readline()
                first.send_signal(signal.SIGSTOP)
                said = desk.tabi(*to, image)
                first.send_signal(signal.SIGCONT)
                assert said.code == 1
                assert "another deployment of voyage on compose, dev is under way" in said.err
                first.communicate(timeout=LIMIT_S)
            assert first.returncode == 0
            desk.must(*back, "--model-only")
            assert (desk.champion(), containers(engine)) == (1, 1)
            desk.must(*back, "--image-only")
            assert (desk.champion(), containers(engine)) == (1, 1)

            with desk.begin(*to, other) as killed:
                assert killed.stderr is not None
                assert any("is started as container" in line for line in killed.stderr)
                killed.kill()
            assert containers(engine) == 2
            again = desk.tabi(*to, image)
            assert again.code == 0
            assert "note: deploy 5 of voyage on compose, dev, begun " in again.err
            assert containers(engine) == 1
    finally:
        desk.tabi("deploy", NAME, "--target", "compose", "--stop")
        engine.run("rmi", "--force", other)
    assert flow.failed == []
    assert flow.versions[-1] == desk.home.bundles[0]
    first_one, second, model, revision, cut, last = desk.history()
    assert (cut["outcome"], last["outcome"]) == ("cut", "succeeded")
    assert (model["revision"], model["version"]) == (second["revision"], 1)
    assert (revision["revision"], revision["image"], revision["version"]) == (first_one["revision"], image, 1)
