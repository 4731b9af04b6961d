"""Real faults: processes that are killed, processes that race, disks that are full."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.errors import ConflictError, StoreError
from tabi.store import Pointer, Store

BundleMaker = Callable[..., Manifest]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the store needs a POSIX file system")
processes = multiprocessing.get_context("fork")


def release(store: Store, folder: Path) -> Pointer:
    return store.set_latest("adult", store.put_bundle(folder), expected=store.latest("adult"))


def errors_of(store: Store) -> list[str]:
    return [f"{finding.path} {finding.problem}" for finding in store.verify() if finding.severity == "error"]


def latest_opens(store: Store) -> str:
    return Bundle.open(store.open_path("adult")).id


def release_for_ever(root: Path, work: Path, make_bundle: BundleMaker, first_seed: int, told: Connection) -> None:
    store = Store(root)
    for seed in range(first_seed, first_seed + 10_000):
        told.send(("begun", make_bundle(work / str(seed), seed=seed, size=200_000).id))
        told.send(("done", release(store, work / str(seed)).id))


@pytest.mark.system
@pytest.mark.timeout(60)
def test_sigkill_at_random_moments_leaves_the_old_or_the_new_latest(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    random = Random(20261121)
    done, releases = released.id, 0
    for kill in range(20):
        reader, writer = processes.Pipe(duplex=False)
        arguments = (store.root, tmp_path / "work", make_bundle, 10_000 * (kill + 1), writer)
        child = processes.Process(target=release_for_ever, args=arguments)
        child.start()
        writer.close()
        _, begun = reader.recv()
        time.sleep(random.uniform(0, 0.15))
        child.kill()
        child.join()
        with contextlib.suppress(EOFError):
            while True:
                what, identity = reader.recv()
                done, begun = (identity, begun) if what == "done" else (done, identity)
                releases += what == "done"
        reader.close()
        assert child.exitcode == -signal.SIGKILL
        assert latest_opens(store) in {done, begun}
        done = latest_opens(store)
        assert errors_of(store) == []
    assert releases > 0


def die_before_step(step: int, root: Path, folder: Path) -> None:
    """Releases, but is killed before the given file operation inside the store."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in {"open", "os.rename", "os.remove", "os.mkdir"} and str(arguments[0]).startswith(str(root)):
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1

    sys.addaudithook(hook)
    release(Store(root), folder)


@pytest.mark.system
@pytest.mark.timeout(60)
def test_sigkill_before_each_single_file_operation_leaves_the_old_or_the_new_latest(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    new = make_bundle(tmp_path / "new", seed=1)
    seen: list[str] = []
    for step in range(500):
        root = tmp_path / "stores" / str(step)
        shutil.copytree(store.root, root)
        child = processes.Process(target=die_before_step, args=(step, root, tmp_path / "new"))
        child.start()
        child.join()
        seen.append(latest_opens(Store(root)))
        assert errors_of(Store(root)) == []
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        release(Store(root), tmp_path / "new")
        assert latest_opens(Store(root)) == new.id
        assert {finding.path.partition("/")[0] for finding in Store(root).verify()} <= {".tmp"}
    assert len(seen) > 30
    assert seen == sorted(seen, key=lambda identity: identity == new.id)
    assert (seen[0], seen[-1]) == (released.id, new.id)


def race(root: Path, mine: list[str], barrier: Barrier, rounds: int, told: Connection) -> None:
    store = Store(root)
    for _ in range(rounds):
        expected = store.latest("adult")
        wanted = next(identity for identity in mine if expected is None or identity != expected.id)
        barrier.wait(30)
        try:
            store.set_latest("adult", wanted, expected)
            told.send(True)
        except ConflictError:
            told.send(False)
        barrier.wait(30)


@pytest.mark.timeout(60)
def test_of_eight_processes_that_race_for_latest_exactly_one_wins_each_round(
    store: Store, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    racers, rounds = 8, 15
    barrier = processes.Barrier(racers)
    pipes = []
    children = []
    for racer in range(racers):
        mine = []
        for seed in (racer, racer + racers):
            make_bundle(tmp_path / str(seed), seed=seed)
            mine.append(store.put_bundle(tmp_path / str(seed)))
        reader, writer = processes.Pipe(duplex=False)
        pipes.append(reader)
        children.append(processes.Process(target=race, args=(store.root, mine, barrier, rounds, writer)))
    for child in children:
        child.start()
    winners = [[pipe.recv() for pipe in pipes].count(True) for _ in range(rounds)]
    for child in children:
        child.join()
    assert winners == [1] * rounds
    latest_opens(store)
    assert store.verify() == []


@pytest.mark.timeout(60)
def test_eight_processes_that_put_the_same_bundle_agree(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> None:
    for copy in range(8):
        make_bundle(tmp_path / str(copy), git_commit=str(copy), size=100_000)
    children = [processes.Process(target=store.put_bundle, args=(tmp_path / str(copy),)) for copy in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    store.set_latest("adult", store.snapshots("adult")[0], expected=None)
    latest_opens(store)
    assert store.verify() == []


def release_with_small_files_only(root: Path, folder: Path, told: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, 64_000))
    try:
        release(Store(root), folder)
    except StoreError as error:
        told.send(str(error))


def test_a_write_that_the_system_cuts_short_is_one_line_and_the_old_latest_opens(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "large", seed=1, size=200_000)
    reader, writer = processes.Pipe(duplex=False)
    child = processes.Process(target=release_with_small_files_only, args=(store.root, tmp_path / "large", writer))
    child.start()
    child.join()
    assert reader.poll()
    message = reader.recv()
    assert "model.onnx" in message
    assert "\n" not in message
    assert latest_opens(store) == released.id
    assert errors_of(store) == []
    assert not list((store.root / ".tmp").iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_the_old_latest_opens(
    small_disk: Path, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    store = Store(small_disk / "store")
    make_bundle(tmp_path / "small", seed=1, size=300_000)
    make_bundle(tmp_path / "large", seed=2, size=900_000)
    old = release(store, tmp_path / "small")
    with pytest.raises(StoreError, match="No space left") as caught:
        release(store, tmp_path / "large")
    assert "\n" not in str(caught.value)
    assert latest_opens(store) == old.id
    assert errors_of(store) == []
