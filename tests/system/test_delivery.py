"""From an image to a digest in a registry: the commands that release-ecr.yml calls, with a real engine and registry."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabi.evidence import read
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.conftest import own_harbour as own_harbour  # noqa: PLC0414
from tests.system.conftest import INSTALL_LIMIT_S, give_up
from tests.system.debian import install_in_ci
from tests.system.engine import Engine

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = "tabi-delivery:test"
REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(engine: Engine) -> Command:
    """A command in the repository that reaches the engine."""

    def made(*command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in engine.environ.items() if not key.startswith(("MAKE", "MFLAGS"))} | more
        return subprocess.run(
            command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False
        )

    return made


@pytest.fixture(scope="module")
def image(run: Command) -> Iterator[str]:
    """Built by the command that a person types."""
    built = run("make", "docker-build", f"IMAGE={IMAGE}")
    assert built.returncode == 0, built.stderr[-2000:]
    yield IMAGE
    run("docker", "rmi", "--force", IMAGE)


@pytest.fixture
def registry(run: Command, tmp_path: Path) -> Iterator[str]:
    """A registry on this machine; its address."""
    program = shutil.which("docker-registry")
    if program is None:
        install_in_ci("docker-registry")
        program = shutil.which("docker-registry")
    if program is None:
        give_up("there is no docker-registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = tmp_path / "registry.yml"
    settings.write_text(REGISTRY.format(folder=tmp_path / "images", port=port))
    server = subprocess.Popen([program, "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                assert server.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
            else:
                break
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def test_what_is_pushed_is_known_by_the_registrys_own_digest(
    run: Command, image: str, registry: str, tmp_path: Path
) -> None:
    pushed = run("make", "docker-push", f"IMAGE={image}", f"REPOSITORY={registry}/tabi-dev-api", **noting(tmp_path))
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    reference = (REPOSITORY / "build" / "image.txt").read_text().strip()
    assert re.fullmatch(re.escape(f"{registry}/tabi-dev-api") + "@sha256:[0-9a-f]{64}", reference)
    (record,) = read(tmp_path / "evidence")
    assert (record.kind, record.subject, record.verdict) == ("image", f"{registry}/tabi-dev-api", "pass")
    assert f"{record.subject}@{record.inputs['digest']}" == reference
    head = run("git", "rev-parse", "HEAD").stdout.strip()
    assert record.inputs["git_commit"] == head
    # by it, and by nothing else, the same image comes back
    identity = run("docker", "inspect", "--format", "{{.Id}}", image).stdout
    run("docker", "rmi", f"{registry}/tabi-dev-api:test")
    assert run("docker", "pull", "--quiet", reference).returncode == 0
    assert run("docker", "inspect", "--format", "{{.Id}}", reference).stdout == identity
    run("docker", "rmi", reference)


def noting(folder: Path) -> dict[str, str]:
    """The variables of a command that leaves its evidence in a folder, by this Python where there is no other."""
    source = str(REPOSITORY / "src")
    return {"TABI_EVIDENCE": str(folder / "evidence"), "PYTHON": sys.executable, "PYTHONPATH": source}


def test_a_push_that_fails_leaves_no_digest_behind(run: Command, image: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    (REPOSITORY / "build").mkdir(exist_ok=True)
    (REPOSITORY / "build" / "image.txt").write_text("of an earlier push\n")
    pushed = run("make", "docker-push", f"IMAGE={image}", f"REPOSITORY={nobody}/tabi", **noting(tmp_path))
    assert pushed.returncode != 0
    assert [record.verdict for record in read(tmp_path / "evidence")] == ["fail"]
    assert not (REPOSITORY / "build" / "image.txt").exists()
    run("docker", "rmi", f"{nobody}/tabi:test")


def test_the_image_answers_as_the_command_line_does(run: Command, image: str, own_harbour: Harbour) -> None:
    store = own_harbour.store.root
    store.chmod(0o755)
    smoke = run(sys.executable, "scripts/docker_smoke.py", image, "voyage", TABI_STORE=str(store))
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    assert "answers as tabi predict does" in smoke.stdout
    (store / "models" / "voyage" / "snapshots" / own_harbour.older / "model.onnx").chmod(0)
    unreadable = run(sys.executable, "scripts/docker_smoke.py", image, "voyage", TABI_STORE=str(store))
    assert unreadable.returncode != 0
    assert "Traceback" not in unreadable.stderr


def test_the_list_of_packages_is_the_images_lock(run: Command) -> None:
    made = run("make", "sbom")
    assert made.returncode == 0, made.stderr
    found = json.loads((REPOSITORY / "build" / "sbom.cdx.json").read_bytes())
    first = (REPOSITORY / "build" / "sbom.cdx.json").read_bytes()
    lock = (REPOSITORY / "locks" / "image.txt").read_text(encoding="utf-8")
    pins = set(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, flags=re.MULTILINE))
    assert {(each["name"], each["version"]) for each in found["components"]} == pins
    assert all(each["purl"].startswith("pkg:pypi/") for each in found["components"])
    run("make", "sbom")
    assert (REPOSITORY / "build" / "sbom.cdx.json").read_bytes() == first
