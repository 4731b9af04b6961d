"""Reloading: what may be loaded, that a failure changes nothing, and that the later of two reloads wins."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from urllib.parse import quote

import pytest

from tabi.errors import NotFoundError, NotReadyError
from tabi.serving.recorder import Asked
from tabi.serving.served import Served
from tabi.serving.telemetry.cells import read_all
from tabi.store import Store
from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, asking, contract, make_bundle

SCORES = "tabi_score_bins_total"


@pytest.fixture
def served(own_harbour: Harbour, make_worker: MakeWorker) -> Served:
    return make_worker(own_harbour.store, "voyage").models.named("voyage")


@pytest.fixture
def own_ask(own_harbour: Harbour, make_worker: MakeWorker) -> Ask:
    return asking(make_worker(own_harbour.store, "voyage"))


def test_before_the_first_load_there_is_no_slot(harbour: Harbour, make_worker: MakeWorker) -> None:
    with pytest.raises(NotReadyError):
        _ = make_worker(harbour.store, "voyage", load=False).models.named("voyage").slot


def test_reload_follows_latest(own_harbour: Harbour, own_ask: Ask) -> None:
    before = own_ask("POST", "/predict", json.dumps({"features": ROW}).encode())[2]
    store = own_harbour.store
    store.set_latest("voyage", own_harbour.newer, store.latest("voyage"))
    assert own_ask("GET", "/health")[2]["version"] == own_harbour.older
    assert own_ask("POST", "/reload")[2]["models"][0]["version"] == own_harbour.newer
    after = own_ask("POST", "/predict", json.dumps({"features": ROW}).encode())[2]
    assert (before["version"], after["version"]) == (own_harbour.older, own_harbour.newer)
    assert before["probability"] != after["probability"]


def test_reload_by_path_takes_a_bundle_of_the_store_and_reload_alone_goes_back(
    own_harbour: Harbour, own_ask: Ask
) -> None:
    folder = own_harbour.path("voyage", own_harbour.newer)
    for path in (folder, folder.relative_to(own_harbour.store.root)):
        assert own_ask("POST", f"/reload?path={quote(str(path))}")[2]["models"][0]["version"] == own_harbour.newer
        assert own_ask("POST", "/reload")[2]["models"][0]["version"] == own_harbour.older


def outside(root: Path, harbour: Harbour) -> list[str]:
    """Paths that are no bundle of the store, whatever they look like."""
    inside = harbour.path("voyage", harbour.newer)
    elsewhere = make_bundle(root / "elsewhere", "voyage", harbour.graph, contract())
    (root / "link-in").symlink_to(inside)
    link_out = harbour.store.root / "models" / "voyage" / "snapshots" / ("a" * 64)
    link_out.symlink_to(elsewhere)
    return [
        str(elsewhere),
        str(link_out),
        f"{inside}/../{inside.name}",
        f"models/voyage/snapshots/../snapshots/{inside.name}",
        "../elsewhere",
        "/",
        "/etc",
        "",
        ".",
        str(harbour.store.root),
        "models/voyage",
        "models/voyage/latest",
        "models/nobody/snapshots/" + "0" * 64,
        f"{inside}/model.onnx",
        "x" * 5000,
        "nul\0byte",
        "file://" + str(inside),
    ]


def test_any_other_path_is_refused_and_the_old_version_goes_on(
    own_harbour: Harbour, own_ask: Ask, tmp_path: Path
) -> None:
    for path in outside(tmp_path, own_harbour):
        status, headers, problem = own_ask("POST", f"/reload?path={quote(path)}")
        assert (status, problem["status"]) == (404, 404), path
        assert headers["content-type"] == "application/problem+json"
        assert str(tmp_path) not in json.dumps(problem)
        assert own_ask("GET", "/health")[2]["version"] == own_harbour.older


def test_a_link_into_the_store_is_followed_once(served: Served, own_harbour: Harbour, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(own_harbour.path("voyage", own_harbour.newer))
    assert served.load(str(link)).model.version == own_harbour.newer


def test_a_misspelt_path_loads_nothing(own_harbour: Harbour, own_ask: Ask) -> None:
    store = own_harbour.store
    store.set_latest("voyage", own_harbour.newer, store.latest("voyage"))
    status, _, problem = own_ask("POST", "/reload?pth=x&path=y")
    assert (status, problem["errors"][0]["path"], problem["errors"][0]["rule"]) == (422, "query.pth", "unknown_field")
    assert own_ask("GET", "/health")[2]["version"] == own_harbour.older


def damage_graph(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"\0" * (folder / "model.onnx").stat().st_size)


def drop_schema(folder: Path) -> None:
    (folder / "schema.json").unlink()


def garble_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize("damage", [damage_graph, drop_schema, garble_manifest])
def test_a_broken_bundle_is_refused_and_the_old_version_goes_on(
    own_harbour: Harbour,
    own_ask: Ask,
    damage: Callable[[Path], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = own_harbour.path("voyage", own_harbour.newer)
    damage(folder)
    status, headers, problem = own_ask("POST", f"/reload?path={folder}")
    assert (status, problem["status"], headers["content-type"]) == (409, 409, "application/problem+json")
    assert str(tmp_path) not in json.dumps(problem)
    # the operator is told what the caller is not
    assert headers["x-request-id"] in caplog.text
    assert str(folder) in caplog.text
    assert own_ask("POST", "/predict", b'{"features":{}}')[2]["version"] == own_harbour.older


def test_a_graph_of_another_contract_is_refused_at_loading(
    own_harbour: Harbour, served: Served, tmp_path: Path
) -> None:
    from tabi.contract import Contract, NumericColumn
    from tabi.errors import BundleError

    other = Contract("voyage", (NumericColumn("age"),), contract().target)
    folder = make_bundle(tmp_path / "other", "voyage", own_harbour.graph, other)
    identity = own_harbour.store.put_bundle(folder)
    with pytest.raises(BundleError, match="does not run on rows of its contract"):
        served.load(str(own_harbour.path("voyage", identity)))
    assert served.slot.model.version == own_harbour.older


def test_a_pointer_that_cannot_be_read_is_a_problem_without_a_path(own_harbour: Harbour, own_ask: Ask) -> None:
    (own_harbour.store.root / "models" / "voyage" / "latest" / "manifest.json").write_text("{")
    status, _, problem = own_ask("POST", "/reload")
    assert (status, str(own_harbour.store.root) in json.dumps(problem)) == (500, False)
    assert own_ask("GET", "/health")[2]["version"] == own_harbour.older


def test_a_model_that_left_the_store_is_404_and_goes_on(own_harbour: Harbour, own_ask: Ask) -> None:
    shutil.rmtree(own_harbour.store.root / "models" / "voyage")
    status, _, problem = own_ask("POST", "/reload")
    assert (status, str(own_harbour.store.root) in json.dumps(problem)) == (404, False)
    assert own_ask("POST", "/predict", b'{"features":{}}')[0] == 200


class SlowStore(Store):
    """A store whose first answer is old by the time it arrives."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked = Event()
        self.go_on = Event()

    def resolve(self, ref: str) -> Path:
        folder = super().resolve(ref)
        if not self.asked.is_set():
            self.asked.set()
            self.go_on.wait(30)
        return folder


def test_of_two_reloads_the_one_that_read_the_newer_pointer_stays_on_top(
    own_harbour: Harbour, make_worker: MakeWorker
) -> None:
    store = SlowStore(own_harbour.store.root)
    models = make_worker(own_harbour.store, "voyage").models
    served = models.named("voyage")
    served._store = store
    first, second = Thread(target=models.reload, args=(None, None)), Thread(target=models.reload, args=(None, None))
    first.start()
    assert store.asked.wait(30)
    store.set_latest("voyage", own_harbour.newer, store.latest("voyage"))
    second.start()
    second.join(1)
    store.go_on.set()
    first.join()
    second.join()
    assert served.slot.model.version == own_harbour.newer


def test_a_path_outside_is_a_not_found_error(served: Served) -> None:
    with pytest.raises(NotFoundError, match="below models/"):
        served.load("/etc")


def test_the_version_before_is_gone_with_its_last_request(own_harbour: Harbour, make_worker: MakeWorker) -> None:
    """Without a collection: nothing may hold a version in a circle, or memory would grow with every reload."""
    worker = make_worker(own_harbour.store, "voyage")
    served = worker.models.named("voyage")
    asking(worker)("POST", "/predict", json.dumps({"features": ROW}).encode())
    asking(worker)("POST", "/predict_batch", json.dumps({"rows": [ROW] * 2000}).encode())
    gc.disable()
    try:
        in_flight = served.slot
        models = [weakref.ref(in_flight.model)]
        worker.models.reload(None, None)
        assert models[0]() is not None
        assert in_flight.decide([ROW], str, Asked("a", 0, 0)).predictions
        del in_flight
        for _ in range(3):
            assert models[-1]() is None
            models.append(weakref.ref(served.slot.model))
            worker.models.reload(None, None)
    finally:
        gc.enable()


def test_rows_of_a_version_that_was_left_are_counted_whenever_they_end(
    own_harbour: Harbour, make_worker: MakeWorker
) -> None:
    """Several reloads between two looks, and a request that ends after all of them."""
    worker = make_worker(own_harbour.store, "voyage")
    served = worker.models.named("voyage")
    newer = str(own_harbour.path("voyage", own_harbour.newer))
    slots = []
    for path in (newer, None, newer, None):
        slots.append(served.slot)
        served.slot.decide([ROW] * 3, str, Asked("a", 0, 0))
        worker.models.reload("voyage", path)
    for slot in slots:
        slot.decide([ROW], str, Asked("late", 0, 0))
    del slots, slot
    worker.follow()
    counted = [int(counts.sum()) for (name, _), counts in read_all(worker._folder).items() if name == SCORES]
    assert counted == [8, 8]
    assert served._pool._left == []
