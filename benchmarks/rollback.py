"""How fast a rollback is: `python -m benchmarks.rollback`. Writes docs/evidence/rollback.md.

It needs a released model in the workspace. Two versions of it, which differ in their threshold, are registered in a
home of their own with an MLflow database; a server answers, and each rollback is a command of its own. Measured are the
command, from its start to its end, and the time from its start until the server answers with the version before.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.machine import machine
from tabi.bench.process import Command, running
from tabi.bench.rows import draw_rows, predict_bodies
from tabi.bundle import Bundle, write_bundle
from tabi.registry.identity import whoami
from tabi.registry.promote import promote
from tabi.registry.register import register
from tabi.registry.room import Room
from tabi.registry.versions import Version
from tabi.store import Store
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace

CLOSED = "http://127.0.0.1:9"
GIVE_UP_S = 30.0
EVIDENCE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "rollback.md"


@dataclass
class Found:
    """What was measured under one condition, in milliseconds."""

    condition: str
    command_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Home:
    """A workspace with two versions of a model, the second of which is champion at the start of each rollback."""

    workspace: Workspace
    versions: tuple[Version, Version]
    body: bytes

    @property
    def name(self) -> str:
        """The model."""
        return self.versions[0].name


def make_home(bundle: Path, project: Path, scratch: Path) -> Home:
    """Two versions that differ in their threshold, registered by us."""
    name = Bundle.open(bundle).name
    workspace = Workspace.find(scratch, {"TABI_HOME": str(scratch)})
    shutil.copytree(project, workspace.projects / name)
    client, room = tracking_client(workspace), Room.open(workspace)
    run = client.create_run(client.create_experiment(name)).info.run_id
    made = []
    for threshold in (0.25, 0.75):
        folder = scratch / f"version-{threshold}"
        shutil.copytree(bundle, folder)
        (folder / "manifest.json").unlink()
        (folder / "threshold.json").write_text(json.dumps({"threshold": threshold, "criterion": "f1"}) + "\n")
        manifest = write_bundle(
            folder,
            name=name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            git_commit="",
            run=run,
            snapshot="0" * 64,
            environment="0" * 64,
            runtime={"onnxruntime": ">=1.22"},
        )
        room.store.put_bundle(folder)
        opened = Bundle.open(room.store.open_path(name, manifest.id))
        made.append(register(room, opened, "", whoami(workspace)))
    promote(workspace, name, 1)
    (body,) = predict_bodies(draw_rows(opened.contract(), 1))
    return Home(workspace, (made[0], made[1]), body)


def whole(_: Home) -> None:
    """Nothing is wrong but the model."""


def corrupt(home: Home) -> None:
    """The graph of the champion is overwritten."""
    (home.workspace.store / "models" / home.name / "snapshots" / home.versions[1].bundle / "model.onnx").write_bytes(
        b""
    )


def removed(home: Home) -> None:
    """The champion's snapshot is gone from the store."""
    shutil.rmtree(champion_of(home))


def deleted(home: Home) -> None:
    """The champion's version is gone from MLflow."""
    tracking_client(home.workspace).delete_model_version(home.name, "2")


def champion_of(home: Home) -> Path:
    """The folder of the second version."""
    return home.workspace.store / "models" / home.name / "snapshots" / home.versions[1].bundle


CONDITIONS: tuple[tuple[str, Callable[[Home], None], str | None], ...] = (
    ("all is whole", whole, None),
    ("the tracking server is down", whole, CLOSED),
    ("the champion's bundle is corrupt", corrupt, None),
    ("the champion's bundle is gone", removed, None),
    ("the champion was deleted in MLflow", deleted, None),
)


def answering(port: int, home: Home) -> str:
    """The bundle that answers a prediction now."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/predict", home.body, {"content-type": "application/json"})
    version: str = json.loads(connection.getresponse().read())["version"]
    connection.close()
    return version


def wait_for(port: int, home: Home, bundle: str, began: float) -> float:
    """Seconds from `began` until the bundle answers."""
    while time.perf_counter() - began < GIVE_UP_S:
        with suppress(OSError):
            if answering(port, home) == bundle:
                return time.perf_counter() - began
        time.sleep(0.005)
    raise SystemExit(f"the server does not answer with {bundle[:12]} after {GIVE_UP_S:.0f} s")


def one_rollback(port: int, home: Home, harm: Callable[[Home], None], tracking: str | None, found: Found) -> None:
    """Promote the second version, do harm, roll back."""
    earlier, later = home.versions
    work = home.workspace.root / "version-0.75"
    Store(home.workspace.store).put_bundle(work)
    promote(replace(home.workspace, tracking_uri=CLOSED), home.name, 2)
    wait_for(port, home, later.bundle, time.perf_counter())
    harm(home)
    variables = {"TABI_HOME": str(home.workspace.root), **({"TABI_TRACKING_URI": tracking} if tracking else {})}
    command = [sys.executable, "-m", "tabi", "rollback", home.name, "--reason", "benchmark"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE)
    answered = wait_for(port, home, earlier.bundle, began)
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the rollback failed: {out.decode()}")
    found.answered_ms.append(answered * 1000)


def timed_command(home: Home, harm: Callable[[Home], None], tracking: str | None, found: Found) -> None:
    """The command alone, without anybody who asks a server meanwhile."""
    Store(home.workspace.store).put_bundle(home.workspace.root / "version-0.75")
    promote(replace(home.workspace, tracking_uri=CLOSED), home.name, 2)
    harm(home)
    variables = {"TABI_HOME": str(home.workspace.root), **({"TABI_TRACKING_URI": tracking} if tracking else {})}
    command = [sys.executable, "-m", "tabi", "rollback", home.name, "--reason", "benchmark"]
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, check=True)
    found.command_ms.append((time.perf_counter() - began) * 1000)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.cpu_ms.append((now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) * 1000)


def measure(bundle: Path, project: Path, rounds: int) -> list[Found]:
    """Each condition in a home of its own."""
    results = []
    for condition, harm, tracking in CONDITIONS:
        found = Found(condition)
        with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
            home = make_home(bundle, project, Path(folder))
            # once: what was deleted in MLflow cannot be deleted again
            times = 1 if harm is deleted else rounds
            arguments = (sys.executable, "-m", "tabi", "serve", home.name, "--port", "{port}", "--no-log")
            with running(Command("tabi", arguments, environment={"TABI_HOME": folder}), None) as server:
                for _ in range(times):
                    one_rollback(server.port, home, harm, tracking, found)
            for _ in range(rounds):
                timed_command(home, whole if harm is deleted else harm, tracking, found)
        print(condition, [round(ms) for ms in found.command_ms], [round(ms) for ms in found.answered_ms], flush=True)
        results.append(found)
    return results


def page(results: list[Found], name: str, began: float) -> str:
    """The figures."""
    rows = [
        f"| {found.condition} | {_spread(found.command_ms)} | {median(found.cpu_ms):,.0f} "
        f"| {_spread(found.answered_ms)} |"
        for found in results
    ]
    return "\n".join(
        [
            "# Rollback: figures",
            "",
            f"Written by `python -m benchmarks.rollback` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            f"Load of the machine when it began: {began:.1f}.",
            machine(("sqlalchemy", "alembic", "mlflow", "onnxruntime")),
            "",
            f"Two versions of `{name}`. The command is `tabi rollback` as a process, from its start to its end; the",
            "aim is 1,000 ms. Its processor time does not depend on what else the machine does. The server is",
            "`tabi serve` of one worker, asked all the time; its figure is from the start of the command to the first",
            "answer of the version before, on the same cores; the aim is 2,000 ms. Milliseconds, median and slowest.",
            "",
            "| condition | command | slowest | processor | server answers | slowest |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


def _spread(found: list[float]) -> str:
    return f"{median(found):,.0f} | {max(found):,.0f}"


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollback", description="How fast a rollback is.")
    parser.add_argument("--ref", default="adult")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    began, workspace = os.getloadavg()[0], Workspace.find()
    bundle = Store(workspace.models).resolve(given.ref)
    name = Bundle.open(bundle).name
    text = page(measure(bundle, workspace.projects / name, given.rounds), name, began)
    print(text)
    EVIDENCE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
