"""Stores under real faults and races: processes that are killed, two releases at once, a server over S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tabi.bundle import Bundle
from tabi.evidence import read
from tabi.store import Store
from tests.serving.conftest import ROW, Harbour, harbour, serving
from tests.store.conftest import make_bundle
from tests.system.moto import KEYS, s3_server

pytestmark = pytest.mark.system
__all__ = ["harbour", "make_bundle"]
_buckets = count()
WAIT_S = 30


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with s3_server(Path(sys.executable)) as address:
        yield address


@pytest.fixture
def s3_place(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    return place_at(address, monkeypatch, tmp_path)


def place_at(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    import boto3

    for name, setting in {**KEYS, "AWS_ENDPOINT_URL": address, "TABI_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, setting)
    bucket = f"system-{next(_buckets)}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/models"


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store") if request.param == "folder" else str(request.getfixturevalue("s3_place"))


RELEASER = """
import sys
from pathlib import Path
from tabi.errors import ConflictError
from tabi.store import Store
store = Store(sys.argv[1])
print("up", flush=True)
for line in sys.stdin:
    folder = Path(line.strip())
    expected = store.latest("adult")
    identity = store.put_bundle(folder)
    print("put", identity, flush=True)
    sys.stdin.readline()
    try:
        store.set_latest("adult", identity, expected)
        print("won", flush=True)
    except ConflictError as error:
        print("lost", error, flush=True)
"""


def talk(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert hear(process) == "up"
    return process


def test_of_two_releases_that_race_one_wins_and_the_other_stays_a_snapshot(
    place: str, make_bundle: Callable[..., object], tmp_path: Path
) -> None:
    racers = [start(RELEASER, place) for _ in range(2)]
    try:
        for turn in range(5):
            for number, racer in enumerate(racers):
                folder = tmp_path / f"{turn}-{number}"
                make_bundle(folder, seed=2 * turn + number)
                talk(racer, str(folder))
            identities = [hear(racer).split()[1] for racer in racers]
            for racer in racers:
                talk(racer, "go")
            said = [hear(racer) for racer in racers]
            assert sorted(word.split()[0] for word in said) == ["lost", "won"]
            assert "somebody else moved" in max(said, key=len)
            store = Store(place)
            pointer = store.latest("adult")
            assert pointer is not None
            assert pointer.id == identities[said.index("won")]
            assert set(identities) <= set(store.snapshots("adult"))
    finally:
        for racer in racers:
            end(racer)
    assert store.verify() == []


EXCHANGER = """
import sys
from tabi.store import Store
from tabi.store.exchange import exchange
source, target = Store(sys.argv[1]), Store(sys.argv[2])
print("up", flush=True)
sys.stdin.readline()
exchange(source, target, "adult")
print("done", flush=True)
"""


@pytest.mark.parametrize("way", ["push", "pull"])
def test_a_killed_push_or_pull_leaves_the_old_or_the_new_never_half(
    way: str, s3_place: str, make_bundle: Callable[..., object], tmp_path: Path
) -> None:
    source, target = (str(tmp_path / "here"), s3_place) if way == "push" else (s3_place, str(tmp_path / "here"))

    def release(seed: int) -> str:
        make_bundle(tmp_path / f"bundle-{seed}", seed=seed, size=300_000)
        store = Store(source)
        return store.set_latest("adult", store.put_bundle(tmp_path / f"bundle-{seed}"), store.latest("adult")).id

    def told() -> str:
        store = Store(target)
        assert [finding for finding in store.verify() if finding.severity == "error"] == []
        return Bundle.open(store.open_path("adult")).id

    def run(kill_after: float | None) -> None:
        process = start(EXCHANGER, source, target)
        try:
            talk(process, "go")
            if kill_after is None:
                assert hear(process) == "done"
            else:
                time.sleep(kill_after)
        finally:
            end(process)

    random = Random(20261121)
    old = release(0)
    run(None)
    assert told() == old
    killed = 0
    for seed in range(1, 5):
        new = release(seed)
        run(random.uniform(0, 0.35))
        assert told() in {old, new}
        killed += told() == old
        run(None)
        assert told() == new
        old = new
    assert killed > 0
    assert {finding.path.partition("/")[0] for finding in Store(target).verify()} <= {".tmp"}


def test_a_server_answers_from_s3_follows_it_and_outlives_it(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ExitStack() as running:
        store = Store(place_at(running.enter_context(s3_server(Path(sys.executable))), monkeypatch, tmp_path))
        for version in (harbour.older, harbour.newer):
            store.put_bundle(harbour.path("voyage", version))
        pointer = store.set_latest("voyage", harbour.older, None)
        with serving(tmp_path / "logs", "voyage", options=["--workers", "2"], TABI_STORE=store.place) as server:

            def answering() -> str:
                body = json.dumps({"features": ROW}).encode()
                status, _, answer = server.ask("POST", "/predict", body, {"content-type": "application/json"})
                assert status == 200
                return str(answer["version"])

            def wait(reached: Callable[[], bool]) -> None:
                deadline = time.monotonic() + WAIT_S
                while not reached():
                    assert time.monotonic() < deadline
                    time.sleep(0.1)

            assert answering() == harbour.older
            store.set_latest("voyage", harbour.newer, pointer)
            wait(lambda: answering() == harbour.newer)
            path = f"models/voyage/snapshots/{harbour.older}"
            assert server.operate("POST", f"/reload?path={path}")[0] == 200
            wait(lambda: answering() == harbour.older)
            # S3 is gone
            running.close()
            wait(lambda: server.ask("GET", "/readyz")[2]["status"] == "degraded")
            assert answering() == harbour.older
            shown = json.dumps(server.ask("GET", "/readyz")[2])
            assert KEYS["AWS_SECRET_ACCESS_KEY"] not in shown
            assert store.place not in shown


def test_the_commands_work_on_s3(s3_place: str, make_bundle: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "projects").mkdir()
    make_bundle(tmp_path / "first")
    make_bundle(tmp_path / "second", seed=1)
    here = Store(tmp_path / "store")
    first = here.set_latest("adult", here.put_bundle(tmp_path / "first"), None)

    def tabi(*arguments: str, **environment: str) -> tuple[int, str]:
        environ = {**os.environ, "TABI_HOME": str(tmp_path), **environment}
        done = subprocess.run(
            [sys.executable, "-m", "tabi", "store", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert tabi("push", "adult", s3_place) == (0, f"bundle   {first.id}\nlatest   {first.id}\n")
    assert tabi("verify", TABI_STORE=s3_place) == (0, "1 bundles, 0 errors, 0 leftovers\n")
    loose = Store(s3_place).put_bundle(tmp_path / "second")
    gc = ("gc", "--keep", "0", "--grace", "0")
    time.sleep(1.1)
    would = tabi(*gc, "--dry-run", TABI_STORE=s3_place)
    assert would == (0, f"would remove models/adult/snapshots/{loose}: nothing refers to it\n1 would be removed\n")
    assert tabi(*gc, TABI_STORE=s3_place)[1].endswith("\n1 removed\n")
    assert Store(s3_place).snapshots("adult") == [first.id]
    assert tabi("pull", "adult", s3_place)[0] == 0
    Store(s3_place).objects.remove(f"models/adult/snapshots/{first.id}/model.onnx")
    code, said = tabi("verify", TABI_STORE=s3_place)
    assert (code, said.splitlines()[-1]) == (1, "1 bundles, 1 errors, 0 leftovers")
    assert f"models/adult/snapshots/{first.id}/model.onnx: is missing" in said
    assert tabi("pull", "voyage", s3_place)[0] == 2
    assert "s3://BUCKET/PREFIX" in tabi("push", "adult", "s3:secret")[1]
    assert [record.kind for record in read(tmp_path / "evidence")] == ["push", "gc", "pull"]
