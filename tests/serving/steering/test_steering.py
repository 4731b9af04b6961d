"""A policy divides requests of every protocol alike: by unit, once, among versions that are loaded."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from tabi.policy import Arm, Assigned, BlueGreen, Canary, Policy, Single, Split
from tabi.predictions import LogReader
from tabi.serving.steering.follower import Follower
from tabi.serving.telemetry.cells import read_all
from tabi.serving.worker import Worker
from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, asking

UNITS = [f"customer-{i}" for i in range(12)]


def _arrow() -> bytes:
    sink = io.BytesIO()
    table = pa.table({name: [value] for name, value in ROW.items()})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _infer() -> bytes:
    types = {"age": "FP64", "fare": "FP64", "sex": "BYTES", "city": "BYTES"}
    inputs = [{"name": n, "datatype": types[n], "shape": [1], "data": [v]} for n, v in ROW.items()]
    return json.dumps({"inputs": inputs}).encode()


JSON = "application/json"
BODIES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "row": ("/predict", JSON, lambda: json.dumps({"features": ROW}).encode()),
    "batch": ("/predict_batch", JSON, lambda: json.dumps({"rows": [ROW]}).encode()),
    "lines": ("/predict_batch", "application/x-ndjson", lambda: json.dumps(ROW).encode() + b"\n"),
    "arrow": ("/predict_batch", "application/vnd.apache.arrow.stream", _arrow),
    "oip": ("/v2/models/voyage/infer", JSON, _infer),
    "invocations": ("/invocations", JSON, lambda: json.dumps({"dataframe_records": [ROW]}).encode()),
}


class Steered:
    """A worker of voyage in a store of its own, and the policies over its two versions."""

    def __init__(self, harbour: Harbour, worker: Worker, ask: Ask) -> None:
        self.harbour, self.worker, self.ask = harbour, worker, ask
        self.champion, self.challenger = Assigned(1, harbour.older), Assigned(2, harbour.newer)
        self.canary = Canary(
            name="voyage", champion=self.champion, challenger=self.challenger, steps=(0.5, 1.0), salt="s"
        )

    def apply(self, policy: Policy) -> None:
        """Replace the policy, and let the worker look."""
        stored = self.harbour.store.policy("voyage")
        revision = stored.policy.revision + 1 if stored else 1
        self.harbour.store.set_policy(replace(policy, revision=revision), stored)
        self.worker.follow()

    def arm(self, unit: str, body: str = "row", path: str | None = None) -> tuple[str, str]:
        """The arm and the version that answer a unit, by the headers."""
        where, kind, make = BODIES[body]
        status, headers, found = self.ask(
            "POST", path or where, make(), {"content-type": kind, "x-unit-id": unit, "x-request-id": f"{body}-{unit}"}
        )
        assert status == 200, found
        return headers.get("x-tabi-arm", ""), headers.get("x-tabi-version", "")

    @property
    def readiness(self) -> Any:
        return self.ask("GET", "/readyz")[2]

    def lines(self) -> list[Any]:
        log = self.worker.settings.log
        assert log is not None
        return list(LogReader(log))


@pytest.fixture
def steered(own_harbour: Harbour, make_worker: MakeWorker) -> Steered:
    worker = make_worker(own_harbour.store, "voyage")
    return Steered(own_harbour, worker, asking(worker))


def test_every_protocol_gives_a_unit_the_same_arm_and_says_so(steered: Steered) -> None:
    steered.apply(steered.canary)
    expected = {unit: steered.canary.routing.arms[steered.canary.routing.place(unit)] for unit in UNITS}
    assert len({arm.name for arm in expected.values()}) == 2
    for body in BODIES:
        for unit in UNITS[:4]:
            arm = expected[unit]
            assert steered.arm(unit, body) == (arm.name, arm.assigned.bundle), body
    logged = {(line.id, line.unit, line.arm, line.version) for line in steered.lines()}
    assert logged == {
        (f"{body}-{unit}", unit, expected[unit].name, expected[unit].assigned.bundle)
        for body in BODIES
        for unit in UNITS[:4]
    }


def test_calls_over_grpc_get_the_same_arm(steered: Steered) -> None:
    steered.apply(steered.canary)
    for unit in UNITS[:6]:
        found = steered.worker.decider("voyage", "", "r", unit)
        assert found.headers == (("x-tabi-arm", steered.arm(unit)[0]), ("x-tabi-version", found.model.version))
        assert found.decide([ROW], str).predictions
    assert {line.arm for line in steered.lines() if line.id == "r"} == {"champion", "challenger"}


def test_without_a_unit_the_request_is_the_unit(steered: Steered) -> None:
    steered.apply(steered.canary)
    body = BODIES["row"][2]()
    found = {f"id-{i}": steered.ask("POST", "/predict", body, {"x-request-id": f"id-{i}"})[1] for i in range(6)}
    for unit, headers in found.items():
        assert headers["x-tabi-arm"] == steered.canary.routing.arms[steered.canary.routing.place(unit)].name


def test_a_single_policy_says_nothing_of_arms_and_keeps_the_unit(steered: Steered) -> None:
    steered.apply(Single(name="voyage", champion=steered.champion))
    assert steered.arm("somebody") == ("", "")
    assert [(line.arm, line.unit) for line in steered.lines()] == [("", "somebody")]
    assert steered.worker.models.named("voyage").steering is None


def test_answers_are_counted_by_arm_and_version(steered: Steered) -> None:
    steered.apply(steered.canary)
    arms = [steered.arm(unit)[0] for unit in UNITS]
    steered.ask("POST", "/predict", b"{}", {"x-unit-id": UNITS[0]})
    counted = read_all(steered.worker._folder)
    requests = {
        (dict(labels)["arm"], dict(labels)["status"]): int(cells.sum())
        for (name, labels), cells in counted.items()
        if name == "tabi_arm_requests_total"
    }
    assert requests == {**{(arm, "200"): arms.count(arm) for arm in set(arms)}, (arms[0], "422"): 1}
    durations = [cells for (name, _), cells in counted.items() if name == "tabi_arm_request_duration_seconds"]
    assert sum(int(cells[:-1].sum()) for cells in durations) == len(UNITS) + 1


def test_a_route_that_names_a_version_is_answered_by_it_and_counts_for_no_arm(steered: Steered) -> None:
    steered.apply(steered.canary)
    for version in (steered.champion, steered.challenger):
        path = f"/v2/models/voyage/versions/{version.bundle}/infer"
        assert steered.arm(UNITS[0], "oip", path) == ("pinned", version.bundle)
    status = steered.ask("POST", f"/v2/models/voyage/versions/{'0' * 64}/infer", _infer())[0]
    assert status == 404


def test_blue_green_holds_the_idle_version_and_switches_without_loading(
    steered: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    steered.apply(BlueGreen(name="voyage", champion=steered.champion, idle=steered.challenger))
    served = steered.worker.models.named("voyage")
    assert served.held == 2
    assert served.steering is None, "all requests go to the champion"
    told = steered.ask("GET", "/models")[2]["models"][0]["policy"]
    assert (told["kind"], [each["version"] for each in told["beside"]]) == ("blue-green", [2])
    assert told["beside"][0]["load_ms"] > 0

    def build(_self: object, _folder: Path) -> None:
        pytest.fail("a version was loaded again")

    monkeypatch.setattr(type(served), "_open", build)
    monkeypatch.setattr(Follower, "_load", build)
    for champion, idle in ((2, 1), (1, 2), (2, 1)):
        both = {1: steered.champion, 2: steered.challenger}
        steered.apply(BlueGreen(name="voyage", champion=both[champion], idle=both[idle], previous=both[idle]))
        assert served.slot.model.version == both[champion].bundle
    steered.apply(Single(name="voyage", champion=steered.champion))
    assert (served.held, served.slot.model.version) == (1, steered.champion.bundle)


def test_a_promoted_challenger_answers_without_being_loaded_again(steered: Steered) -> None:
    steered.apply(steered.canary)
    served = steered.worker.models.named("voyage")
    assert served.steering is not None
    slot = next(arm.slot for arm in served.steering.arms if arm.name == "challenger")
    steered.apply(Single(name="voyage", champion=steered.challenger, previous=steered.champion))
    assert served.slot is slot


def test_where_the_challenger_cannot_be_loaded_the_champion_answers_everything(steered: Steered) -> None:
    folder = steered.harbour.path("voyage", steered.harbour.newer)
    kept = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(kept[:-1])
    steered.apply(steered.canary)
    assert {steered.arm(unit) for unit in UNITS} == {("", "")}
    assert {line.version for line in steered.lines()} == {steered.champion.bundle}
    found = steered.readiness
    assert found["status"] == "degraded"
    assert any("version 2 of its canary policy" in problem for problem in found["problems"]), found
    assert str(folder.parent) not in json.dumps(found), "no folder is shown"

    shutil.copy2(folder / "model.onnx", folder / "again")
    (folder / "again").write_bytes(kept)
    (folder / "again").replace(folder / "model.onnx")
    served = steered.worker.models.named("voyage")
    served._follower._failed.clear()
    steered.worker.follow()
    assert served.steering is not None
    assert steered.readiness["status"] == "ready"


def test_the_arms_of_a_split_may_share_a_version(steered: Steered) -> None:
    arms = (Arm("a", steered.champion), Arm("b", steered.champion), Arm("c", steered.challenger, 2.0))
    steered.apply(Split(name="voyage", champion=steered.champion, experiment="prices", arms=arms, salt="s"))
    found = {unit: steered.arm(unit) for unit in UNITS}
    assert {arm for arm, _ in found.values()} == {"a", "b", "c"}
    assert all(version == {a.name: a.assigned.bundle for a in arms}[arm] for arm, version in found.values())
    assert steered.worker.models.named("voyage").held == 2


def test_a_policy_of_a_kind_that_is_not_known_changes_nothing_and_is_told(steered: Steered) -> None:
    steered.apply(steered.canary)
    before = {unit: steered.arm(unit) for unit in UNITS}
    place = steered.harbour.store.root / "models/voyage/policy.json"
    place.write_bytes(place.read_bytes().replace(b'"canary"', b'"bandit"'))
    steered.worker.follow()
    assert {unit: steered.arm(unit) for unit in UNITS} == before
    assert steered.readiness["status"] == "degraded"


def test_a_bundle_that_an_operator_asks_for_answers_everything(steered: Steered) -> None:
    steered.apply(steered.canary)
    path = f"models/voyage/snapshots/{steered.harbour.newer}"
    assert steered.ask("POST", f"/reload?path={path}")[0] == 200
    assert {steered.arm(unit) for unit in UNITS} == {("", "")}
    assert {line.version for line in steered.lines()} == {steered.challenger.bundle}
