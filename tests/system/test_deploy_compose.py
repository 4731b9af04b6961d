"""`tabi deploy --target compose` on a real engine: images by id, requests that flow, one image that is broken."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.flow import flowing
from tests.deploy.harbour_home import BODY, NAME, PREDICT, free_port, make_home
from tests.serving.conftest import Harbour, harbour, own_harbour
from tests.system.conftest import give_up
from tests.system.engine import REPOSITORY, Engine
from tests.system.test_deploy_local import Desk

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
