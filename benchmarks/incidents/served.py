"""Failures of a server that answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from benchmarks.incidents.graphs import breaking, slow
from benchmarks.incidents.scene import Found, Scene, until
from loadtest.slo import read_slo
from tabi.bench.rows import batch_bodies, draw_rows, predict_bodies
from tabi.contract import NumericColumn
from tabi.registry.room import Room
from tabi.registry.versions import versions_of

CROWD, LARGE_ROWS = 8, 1000


def model_cannot_be_loaded(scene: Scene) -> Found:
    """The champion's graph is none."""
    number = scene.release(b"no graph")
    with scene.deployed():
        scene.tabi("promote", scene.name, str(number))
        seen = until(lambda: scene.ready() == "degraded", "degraded")
        began = time.perf_counter()
        scene.tabi("rollback", scene.name, "--reason", "it cannot be loaded")
        until(lambda: scene.ready() == "ready", "ready")
        mended = time.perf_counter() - began
    made = "a version whose graph cannot be loaded is promoted"
    return Found("model-cannot-be-loaded", made, "`/readyz` is degraded", seen, "`tabi rollback`, to ready", mended)


def store_unreachable(scene: Scene) -> Found:
    """The folder of the store goes away, and comes back."""
    store, away = scene.home.workspace.store, scene.root / "away"
    with scene.deployed():
        store.rename(away)
        seen = until(lambda: scene.ready() == "degraded", "degraded")
        if scene.predict()[0] != 200:
            raise SystemExit("a server without its store does not answer")
        began = time.perf_counter()
        away.rename(store)
        until(lambda: scene.ready() == "ready", "ready")
        mended = time.perf_counter() - began
    made = "the store's folder is renamed"
    return Found("store-unreachable", made, "`/readyz` is degraded", seen, "the folder is back, to ready", mended)


def disk_full(scene: Scene) -> Found:
    """The volume of the prediction log is full."""
    place = scene.root / "predicted"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tabi", str(place)], check=True, capture_output=True)
    try:
        with scene.deployed(TABI_PREDICTIONS=str(place)):
            filler = place / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1024))
            began = time.perf_counter()
            until(lambda: scene.predict()[0] == 200 and scene.ready() == "degraded", "degraded")
            seen = time.perf_counter() - began
            began = time.perf_counter()
            filler.unlink()
            until(lambda: scene.predict()[0] == 200 and scene.ready() == "ready", "ready")
            mended = time.perf_counter() - began
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
    made = "the volume of the prediction log, a tmpfs of 256 KB, is filled"
    return Found("disk-full", made, "`/readyz` is degraded, answers go on", seen, "space is made, to ready", mended)


def workers_die(scene: Scene) -> Found:
    """One of two workers is killed."""
    shared = scene.root / "shared"
    shared.mkdir()

    def workers() -> list[int]:
        """Those that have loaded their model and said so."""
        return [json.loads(path.read_bytes())["pid"] for path in shared.glob("tabi-serve-*/worker-*.json")]

    with scene.deployed(TABI_WORKERS="2", TMPDIR=str(shared)):
        before = workers()
        began = time.perf_counter()
        os.kill(before[0], signal.SIGKILL)
        until(lambda: "signal 9" in scene.said(), "a line of the log")
        seen = time.perf_counter() - began
        until(lambda: len(workers()) == len(before) and before[0] not in workers(), "another worker")
        mended = time.perf_counter() - began
    made = "one of two workers gets SIGKILL"
    return Found("workers-die", made, "the supervisor's log", seen, "nothing: until both are ready again", mended)


def overload(scene: Scene) -> Found:
    """Large requests come where there is room for few."""
    contract = scene.contract
    bodies = batch_bodies(draw_rows(contract, LARGE_ROWS), LARGE_ROWS)

    def turned_away(status: int, _: float) -> bool:
        return status in {429, 503}

    with scene.deployed(TABI_LIMITS="in_flight=4"), scene.asking("/predict_batch", bodies, CROWD) as asked:
        began = time.perf_counter()
        until(lambda: asked.first(turned_away, began) is not None, "503")
        seen = asked.first(turned_away, began) or 0.0
        began = time.perf_counter()
        scene.tabi("deploy", scene.name, TABI_LIMITS="in_flight=1000")
        time.sleep(2)
        mended = asked.last(turned_away, began)
    made = f"{CROWD} clients ask for {LARGE_ROWS:,} rows each, with `in_flight=4`"
    return Found("overload", made, "the first 503", seen, "`tabi deploy` with a higher limit, to the last 503", mended)


def error_rate_high(scene: Scene) -> Found:
    """A version fails for half of the rows."""
    rows = draw_rows(scene.contract, 200)
    first = next(column.name for column in scene.contract.columns if isinstance(column, NumericColumn))
    values = sorted(value for row in rows if isinstance(value := row.get(first), float))
    # the typical row, by which a version is tried before it answers, is below
    number = scene.release(breaking(scene.graph, values[len(values) * 3 // 4]))
    seen, mended = _rolled_back(scene, number, predict_bodies(rows), lambda status, _: status >= 500)
    made = "a version that fails for a quarter of the rows is promoted"
    return Found("error-rate-high", made, "the first 5xx", seen, "`tabi rollback`, to the last 5xx", mended)


def latency_high(scene: Scene) -> Found:
    """A version is slower than the objective."""
    objective = read_slo().objectives.p95_ms
    number = scene.release(slow(scene.graph))
    bodies = predict_bodies(draw_rows(scene.contract, 50))
    seen, mended = _rolled_back(scene, number, bodies, lambda _, ms: ms > objective)
    made = "a version with a graph that is much too large is promoted"
    return Found(
        "latency-high",
        made,
        f"the first answer above {objective:.0f} ms",
        seen,
        "`tabi rollback`, to the last such answer",
        mended,
    )


def _rolled_back(
    scene: Scene, number: int, bodies: list[bytes], wrong: Callable[[int, float], bool]
) -> tuple[float, float]:
    """Promote a version that is wrong and roll it back, while it is asked all the time."""
    with scene.deployed(), scene.asking("/predict", bodies) as asked:
        began = time.perf_counter()
        scene.tabi("promote", scene.name, str(number))
        until(lambda: asked.first(wrong, began) is not None, "what is wrong")
        seen = asked.first(wrong, began) or 0.0
        time.sleep(1)
        began = time.perf_counter()
        scene.tabi("rollback", scene.name, "--reason", "it is wrong")
        time.sleep(2)
        return seen, asked.last(wrong, began)


def stale_model(scene: Scene) -> Found:
    """A version of long ago answers; the model is trained and released anew."""
    days = read_slo().model.stale_days
    number = scene.release(scene.graph, created="2020-01-01T00:00:00+00:00")
    tracking = {"TABI_TRACKING_URI": scene.home.workspace.tracking_uri}

    def age_days() -> float:
        return (time.time() - scene.metric("tabi_model_created_timestamp_seconds")) / 86400

    with scene.deployed():
        began = time.perf_counter()
        scene.tabi("promote", scene.name, str(number))
        until(lambda: days < age_days() < 20_000, "an old model")
        seen, began = time.perf_counter() - began, time.perf_counter()
        scene.tabi("train", scene.name, "--mode", "fast", **tracking)
        scene.tabi("release", scene.name, **tracking)
        newest = _newest(scene)
        scene.tabi("promote", scene.name, str(newest))
        until(lambda: age_days() < 1, "a young model")
        mended = time.perf_counter() - began
    made = "a version of 2020 is promoted"
    how = "`tabi train --mode fast`, `tabi release`, `tabi promote`, until it answers"
    return Found("stale-model", made, "the age that the server tells", seen, how, mended)


def _newest(scene: Scene) -> int:
    with Room.open(scene.home.workspace).database.reading() as connection:
        return max(each.version for each in versions_of(connection, scene.name))


INCIDENTS = {
    "model-cannot-be-loaded": model_cannot_be_loaded,
    "store-unreachable": store_unreachable,
    "disk-full": disk_full,
    "workers-die": workers_die,
    "overload": overload,
    "error-rate-high": error_rate_high,
    "latency-high": latency_high,
    "stale-model": stale_model,
}
