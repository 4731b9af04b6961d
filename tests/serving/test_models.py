"""Several models in one worker: starting, following, reloading all or nothing, and agreeing with other workers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tabi.errors import BundleError, ConfigError, NotFoundError, StartError, StoreError, TabiError
from tabi.serving import served as served_module
from tabi.serving.messages import ModelStatus
from tabi.serving.settings import Settings
from tabi.serving.worker import Worker
from tabi.store import Store
from tests.serving.conftest import ADMIN_PORT, Harbour, MakeWorker, asking, contract, make_bundle

Start = Callable[..., Worker]


@pytest.fixture
def start(own_harbour: Harbour, tmp_path: Path) -> Iterator[Start]:
    """Workers of one server, in this process: they share a folder."""
    started: list[Worker] = []
    (tmp_path / "shared").mkdir()

    def begin(number: int, *refs: str, **more: Any) -> Worker:
        settings = Settings(refs=refs or ("voyage",), store=own_harbour.store.root, **{"workers": 2, **more})
        worker = Worker(settings, tmp_path / "shared", number)
        started.append(worker)
        worker.load()
        worker.open(ADMIN_PORT)
        return worker

    yield begin
    for worker in started:
        worker.close()


def point(harbour: Harbour, version: str, name: str = "voyage") -> None:
    harbour.store.set_latest(name, version, harbour.store.latest(name))


def broken(harbour: Harbour, of: str) -> str:
    """A new version whose graph is damaged after it was released: its id."""
    folder = make_bundle(harbour.store.root.parent / f"broken-{of}", of, harbour.graph, contract(strict=True))
    identity = harbour.store.put_bundle(folder)
    point(harbour, identity, of)
    graph = harbour.path(of, identity) / "model.onnx"
    graph.write_bytes(b"\0" * graph.stat().st_size)
    return identity


def status(worker: Worker, name: str = "voyage") -> ModelStatus:
    return worker.models.named(name).status


def count(worker: Worker, metric: str) -> float:
    text = asking(worker)("GET", "/metrics")[2].decode()
    found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


FAILED = 'tabi_reloads_total{model="voyage",outcome="failed"}'


def test_a_new_latest_is_followed_without_being_asked(own_harbour: Harbour, start: Start) -> None:
    worker = start(0)
    point(own_harbour, own_harbour.newer)
    assert status(worker).version == own_harbour.older
    worker.follow()
    assert status(worker).version == own_harbour.newer
    assert status(worker).reload_ms > 0


def test_a_broken_version_is_told_everywhere_and_the_one_before_answers_until_the_pointer_moves_on(
    own_harbour: Harbour, start: Start, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    worker = start(0, workers=1)
    ask = asking(worker)
    broken(own_harbour, "voyage")
    for _ in range(3):
        worker.follow()
    state, _, ready = ask("GET", "/readyz")
    assert (state, ready["status"]) == (200, "degraded")
    assert "model.onnx" in ready["models"][0]["problem"]
    assert str(tmp_path) not in json.dumps(ready)
    assert ask("POST", "/predict", b'{"features":{}}')[2]["version"] == own_harbour.older
    assert count(worker, FAILED) == 1
    assert caplog.text.count("stays as it is") == 1
    assert str(own_harbour.store.root) in caplog.text
    point(own_harbour, own_harbour.newer)
    worker.follow()
    assert status(worker).version == own_harbour.newer
    assert ask("GET", "/readyz")[2]["status"] == "ready"


def test_a_version_that_failed_is_tried_again_after_a_while_or_when_the_pointer_comes_back(
    own_harbour: Harbour, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start(0, workers=1)
    folder = own_harbour.path("voyage", own_harbour.newer)
    schema = (folder / "schema.json").read_bytes()
    (folder / "schema.json").unlink()
    # a store lets a pointer go only to what is whole
    pointer = own_harbour.store.root / "models" / "voyage" / "latest" / "manifest.json"
    before = pointer.read_bytes()
    for expected in (1, 2):
        pointer.write_bytes((folder / "manifest.json").read_bytes())
        worker.follow()
        worker.follow()
        assert count(worker, FAILED) == expected
        pointer.write_bytes(before)
        worker.follow()
        assert status(worker).problem is None
    pointer.write_bytes((folder / "manifest.json").read_bytes())
    worker.follow()
    (folder / "schema.json").write_bytes(schema)
    worker.follow()
    assert status(worker).version == own_harbour.older
    monkeypatch.setattr(served_module, "monotonic", lambda: float("inf"))
    worker.follow()
    assert (status(worker).version, status(worker).problem) == (own_harbour.newer, None)


def test_a_pointer_that_cannot_be_read_is_a_failed_reload_once(own_harbour: Harbour, start: Start) -> None:
    worker = start(0, workers=1)
    (own_harbour.store.root / "models" / "voyage" / "latest" / "manifest.json").write_text("{")
    for _ in range(3):
        worker.follow()
    assert status(worker).problem is not None
    assert count(worker, FAILED) == 1


def test_whatever_goes_wrong_with_one_model_the_others_are_followed(
    own_harbour: Harbour, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = start(0, "strict", "voyage", workers=1)

    def fail(_ref: str) -> Path:
        raise RuntimeError("secret 42")

    strict = worker.models.named("strict")
    monkeypatch.setattr(strict, "_store", Store(own_harbour.store.root))
    monkeypatch.setattr(strict._store, "resolve", fail)
    point(own_harbour, own_harbour.newer)
    worker.follow()
    assert status(worker).version == own_harbour.newer
    assert status(worker, "strict").problem == "unexpected RuntimeError: the log has more"
    assert "secret 42" in caplog.text


@pytest.mark.parametrize("folder", ["a store", "store"])
def test_what_everybody_reads_of_a_problem_names_no_folder(
    own_harbour: Harbour, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with a space in its name, and one that begins with no slash."""
    shutil.move(own_harbour.store.root, tmp_path / "moved")
    (tmp_path / "secret place").mkdir()
    shutil.move(tmp_path / "moved", tmp_path / "secret place" / folder)
    monkeypatch.chdir(tmp_path)
    store = Store(Path("secret place") / folder)
    settings = Settings(refs=("voyage",), store=store.root)
    (tmp_path / "shared").mkdir()
    worker = Worker(settings, tmp_path / "shared")
    worker.load()
    worker.open(ADMIN_PORT)
    broken(Harbour(store, own_harbour.graph, own_harbour.older, own_harbour.newer), "voyage")
    worker.follow()
    shown = asking(worker)("GET", "/readyz")[2]
    worker.close()
    assert shown["models"][0]["problem"]
    assert "place" not in json.dumps(shown)


def test_reload_of_all_changes_nothing_if_one_cannot_be_loaded(own_harbour: Harbour, start: Start) -> None:
    worker, other = start(0, "voyage", "linear"), start(1, "voyage", "linear")
    point(own_harbour, own_harbour.newer)
    broken(own_harbour, "linear")
    before = [served.slot for served in worker.models]
    with pytest.raises(BundleError):
        worker.models.reload(None, None)
    assert [served.slot for served in worker.models] == before
    assert worker.models._agreement.wanted().generation == 0
    assert status(other).version == own_harbour.older


def followed(worker: Worker, other: Worker, path: str | None) -> tuple[str, int]:
    """What a reload says while the other worker looks at the store."""
    with ThreadPoolExecutor(1) as pool:
        reloading = pool.submit(worker.models.reload, "voyage", path)
        while not reloading.done():
            other.follow()
        answer = reloading.result()
    return answer.status, answer.followed


def test_a_reload_by_path_reaches_every_worker_and_one_without_takes_it_back(
    own_harbour: Harbour, start: Start
) -> None:
    worker, other = start(0), start(1)
    newer = str(own_harbour.path("voyage", own_harbour.newer))
    assert followed(worker, other, newer) == ("ok", 2)
    assert status(other).version == own_harbour.newer
    assert followed(other, worker, None) == ("ok", 2)
    assert (status(worker).version, status(other).version) == (own_harbour.older, own_harbour.older)


def test_a_worker_that_looked_but_could_not_load_has_not_followed(
    own_harbour: Harbour, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, other = start(0), start(1)
    monkeypatch.setattr("tabi.serving.models.FOLLOW_SECONDS", 0.5)

    def fail(_model: object) -> None:
        raise StoreError("no space")

    monkeypatch.setattr(other.models.named("voyage"), "_make_slot", fail)
    newer = str(own_harbour.path("voyage", own_harbour.newer))
    assert followed(worker, other, newer) == ("partial", 1)
    assert status(other).version == own_harbour.older


def test_what_another_worker_was_asked_meanwhile_is_not_passed_over(own_harbour: Harbour, start: Start) -> None:
    refs = ("voyage", "linear")
    worker, other = start(0, *refs), start(1, *refs)
    other.models._agreement.want({"voyage": str(own_harbour.path("voyage", own_harbour.newer))})
    worker.models._wait = lambda *_: 1  # type: ignore[method-assign]
    worker.models.reload("linear", None)
    assert status(worker).version == own_harbour.newer


def test_a_worker_that_starts_later_loads_what_operators_asked_for_even_if_latest_is_broken(
    own_harbour: Harbour, start: Start
) -> None:
    worker = start(0)
    worker.models._wait = lambda *_: 1  # type: ignore[method-assign]
    worker.models.reload("voyage", str(own_harbour.path("voyage", own_harbour.newer)))
    broken(own_harbour, "voyage")
    late = start(1)
    assert (status(late).version, status(late).problem) == (own_harbour.newer, None)


def test_a_worker_that_starts_again_answers_with_what_the_others_have_if_latest_is_broken(
    own_harbour: Harbour, start: Start
) -> None:
    start(0)
    broken(own_harbour, "voyage")
    late = start(1)
    assert status(late).version == own_harbour.older
    assert late.models.readiness().status == "degraded"
    point(own_harbour, own_harbour.newer)
    late.follow()
    assert status(late).version == own_harbour.newer


def test_a_first_worker_does_not_start_on_a_broken_version(own_harbour: Harbour, start: Start) -> None:
    broken(own_harbour, "voyage")
    with pytest.raises(StartError):
        start(0)


def test_one_model_twice_is_refused(own_harbour: Harbour, start: Start) -> None:
    with pytest.raises(ConfigError, match="voyage was named twice"):
        start(0, "voyage", str(own_harbour.path("voyage", own_harbour.newer)))


def test_with_any_required_it_starts_with_what_can_be_loaded_and_the_rest_follows(
    own_harbour: Harbour, start: Start
) -> None:
    broken(own_harbour, "linear")
    with pytest.raises(TabiError):
        start(1, "voyage", "linear", require="all")
    worker = start(0, "voyage", "linear", require="any")
    ask = asking(worker)
    state, _, ready = ask("GET", "/readyz")
    assert (state, ready["status"]) == (200, "degraded")
    assert [model["ready"] for model in ready["models"]] == [True, False]
    assert ask("POST", "/models/linear/predict", b'{"features":{}}')[0] == 503
    assert ask("POST", "/models/voyage/predict", b'{"features":{}}')[0] == 200
    folder = make_bundle(own_harbour.store.root.parent / "mended", "linear", own_harbour.graph, contract())
    point(own_harbour, own_harbour.store.put_bundle(folder), "linear")
    worker.follow()
    assert ask("GET", "/readyz")[2]["status"] == "ready"


def test_with_any_required_one_has_to_be_there(start: Start) -> None:
    with pytest.raises(StartError):
        start(0, "nobody", "noone", require="any")


def test_a_model_keeps_the_name_that_it_had_when_the_doors_were_opened(
    own_harbour: Harbour, start: Start, tmp_path: Path
) -> None:
    worker = start(0, "voyage", str(tmp_path / "linear"), require="any")
    make_bundle(tmp_path / "linear", "strict", own_harbour.graph, contract())
    worker.follow()
    assert not status(worker, "linear").ready
    assert "is of strict" in str(status(worker, "linear").problem)


def test_the_bundle_of_a_path_that_is_replaced_is_loaded_whatever_its_time(
    own_harbour: Harbour, start: Start, tmp_path: Path
) -> None:
    import os

    folder = tmp_path / "bundle"
    shutil.copytree(own_harbour.path("voyage", own_harbour.older), folder)
    worker = start(0, str(folder), workers=1)
    stamp = (folder / "manifest.json").stat()
    shutil.copytree(own_harbour.path("voyage", own_harbour.newer), folder, dirs_exist_ok=True)
    os.utime(folder / "manifest.json", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    worker.follow()
    assert status(worker).version == own_harbour.newer


def test_a_name_that_nobody_has_is_not_found(harbour: Harbour, make_worker: MakeWorker) -> None:
    with pytest.raises(NotFoundError):
        make_worker(harbour.store, "voyage", "linear").models.named("nobody")
