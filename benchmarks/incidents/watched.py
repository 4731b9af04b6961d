"""Failures of the model itself, which `tabi monitor` finds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sklearn.datasets import load_breast_cancer

from benchmarks.incidents.scene import Found, Scene, until
from tabi.registry.room import Room

ROWS = 250
BOUND = 0.9
FIGURE = "acc_at_threshold"


def monitored(scene: Scene) -> Iterator[Found]:
    """A version that answers everything alike is promoted; labels come back; it is rolled back."""
    config = scene.home.workspace.projects / scene.name / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8") + f"\nmonitor:\n  minimum: {{{FIGURE}: {BOUND}}}\n")
    number, file = scene.release(scene.graph, threshold=1.0), scene.root / "monitor.prom"
    told = ("monitor", scene.name, "--metrics", str(file))
    with scene.deployed(TABI_FEEDBACK="public"):
        scene.tabi("promote", scene.name, str(number))
        used(scene, number)
        failed = scene.ends(1, *told).seconds
        section = _failing(file)
        began = time.perf_counter()
        scene.tabi("rollback", scene.name, "--reason", "it is worse")
        used(scene, 1)
        last = scene.tabi(*told)
        mended = time.perf_counter() - began
        if _failing(file):
            raise SystemExit(last.out)
    made = "a version that answers everything alike is promoted, and labels come back"
    how = f"`tabi rollback`, {ROWS} rows and their labels, `tabi monitor`, which passes"
    yield Found("performance-lost", made, "`tabi monitor` fails", failed, how, mended)
    yield Found("monitor-fails", made, f"`tabi monitor` names the section {section}", failed, how, mended)
    silent, by_hand = "`tabi monitor NAME --metrics FILE` does not run", "the command is run by hand"
    yield Found("monitor-silent", silent, "by the rule after two days", None, by_hand, last.seconds)


def used(scene: Scene, number: int) -> None:
    """Real rows are asked for, of a version that answers by now, and their real labels come back."""
    stored = Room.open(scene.home.workspace).store.policy(scene.name)
    if stored is None or stored.policy.champion.version != number:
        raise SystemExit(f"{scene.name}:{number} is not the champion")
    bundle = stored.policy.champion.bundle
    until(lambda: scene.predict()[1]["version"] == bundle, "an answer by the champion")
    table = load_breast_cancer(as_frame=True)
    for index in range(ROWS):
        features = {str(name): float(value) for name, value in table.data.iloc[index].items()}
        status, found = scene.ask("/predict", msgspec.json.encode({"features": features}))
        label = str(table.target_names[table.target.iloc[index]])
        told = {"request_id": found["request_id"], "label": label}
        accepted, answer = scene.ask("/feedback", msgspec.json.encode(told))
        if status != 200 or accepted >= 300:
            raise SystemExit(f"{status}, {accepted}: {answer}")


def _failing(file: Path) -> str:
    """The sections that fail, as Prometheus would read them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return ", ".join(
        line.split('section="')[1].split('"')[0]
        for line in lines
        if line.startswith("tabi_monitor_state{") and float(line.rpartition(" ")[2]) == 2
    )
