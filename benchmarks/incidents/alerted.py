"""Failures that only an alert tells: a real Prometheus and Alertmanager, with the rules in use in short windows."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.incidents.scene import Found, Scene, until
from loadtest.slo import read_slo
from scripts.observability.drill.inbox import Inbox, inbox
from scripts.observability.drill.stack import watching
from scripts.observability.drill.traffic import Traffic, shifted, usual

TOLD_S, OVER_S = 90.0, 120.0
SHORT = "an hour of the rules takes 10 s"
HEARTBEAT = "TabiHeartbeat"


class Change(NamedTuple):
    """Rows other than usual, and the alert that they raise."""

    page: str
    alert: str
    made: str
    bodies: list[bytes]


def told(scene: Scene) -> Iterator[Found]:
    """Broken rows, drift, silence, and an Alertmanager that is killed: one after the other."""
    folder = scene.root / "watched"
    with ExitStack() as held:
        box = held.enter_context(inbox())
        held.enter_context(scene.deployed())
        held.enter_context(watching(scene.port, box, folder, read_slo()))
        traffic = Traffic(scene.port, usual(scene.contract))
        with traffic.asking():
            time.sleep(15)
            broken = Change("input-faults", "TabiInputFaults", "a column is renamed", renamed(scene))
            rare = Change("drift", "TabiColumnDrift", "a column has its rarest value only", shifted(scene.contract)[1])
            for change in (broken, rare):
                yield _rows(box, traffic, change)
        yield _silence(box, traffic)
        yield _alerting(box, folder)


def _silence(box: Inbox, traffic: Traffic) -> Found:
    """Nobody asks for a while."""
    began = time.monotonic()
    silent = box.wait("TabiNoTraffic", TOLD_S, since=began)
    back = time.monotonic()
    with traffic.asking():
        over = box.wait("TabiNoTraffic", OVER_S, "resolved", silent.at)
    return Found(
        "no-traffic",
        "the only client stops",
        f"`TabiNoTraffic` arrives; {SHORT}",
        silent.at - began,
        "the client asks again, until the alert ends",
        over.at - back,
    )


def renamed(scene: Scene) -> list[bytes]:
    """Rows in which a caller has renamed the first column."""
    first = scene.contract.columns[0].name
    found = []
    for body in usual(scene.contract):
        row = msgspec.json.decode(body)["features"]
        changed = {f"{name}_new" if name == first else name: value for name, value in row.items()}
        found.append(msgspec.json.encode({"features": changed}))
    return found


def _rows(box: Inbox, traffic: Traffic, change: Change) -> Found:
    """Other rows for a while, and the usual ones again."""
    alert = change.alert
    sound, began = traffic.bodies, time.monotonic()
    traffic.bodies = change.bodies
    first = box.wait(alert, TOLD_S, since=began)
    traffic.bodies, mended = sound, time.monotonic()
    over = box.wait(alert, OVER_S, "resolved", first.at)
    until(lambda: _quiet(box, alert), f"the end of {alert}", OVER_S)
    return Found(
        change.page,
        change.made,
        f"`{alert}` arrives; {SHORT}",
        first.at - began,
        "the caller is mended, until the alert ends",
        max(over.at, _last(box, alert)) - mended,
    )


def _quiet(box: Inbox, alert: str) -> bool:
    """Whether every series of an alert has ended."""
    state = {tuple(sorted(each.labels.items())): each.status for each in box.told if each.labels["alertname"] == alert}
    return set(state.values()) == {"resolved"}


def _last(box: Inbox, alert: str) -> float:
    return max(each.at for each in box.told if each.labels["alertname"] == alert)


def _alerting(box: Inbox, folder: Path) -> Found:
    """The Alertmanager is killed and started again."""
    beats = _beats(box)
    gap = max(after - before for before, after in pairwise(beats))
    pid, command = _process(f"--storage.path={folder / 'alertmanager'}")
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    until(lambda: time.monotonic() - max(began, _beats(box)[-1]) > gap + 1, "a heartbeat that is late", TOLD_S)
    seen, mended = time.monotonic() - began, time.monotonic()
    with (folder / "again.log").open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        until(lambda: _beats(box)[-1] > mended, "a heartbeat", OVER_S)
        over = _beats(box)[-1] - mended
    finally:
        process.terminate()
        process.wait(30)
    return Found(
        "alerting",
        "the Alertmanager gets SIGKILL",
        f"the heartbeat is late; {SHORT}",
        seen,
        "the Alertmanager is started, to the next heartbeat",
        over,
    )


def _beats(box: Inbox) -> list[float]:
    return [each.at for each in list(box.told) if each.labels["alertname"] == HEARTBEAT]


def _process(argument: str) -> tuple[int, list[str]]:
    """The process of ours that was started with an argument, and how."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")[:-1]
        except OSError:
            continue
        if argument in words:
            return int(path.parent.name), words
    raise SystemExit(f"no process has {argument}")


Many = Callable[[Scene], Iterator[Found]]
SERIES: dict[str, tuple[tuple[str, ...], Many]] = {
    "alerts": (("input-faults", "drift", "alerting", "no-traffic"), told),
}
