"""How fast a deployment comes and goes: `python -m benchmarks.deploy`. Writes docs/evidence/deploy.md and deploy.json.

It needs a released model in the workspace; `--image ID` measures compose as well, on the engine that DOCKER_HOST names.
Two versions are registered in a home of their own. While clients ask all the time, each round deploys the second
version by a server of other settings, and rolls both back by one command. Then each failure is made for real once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.flow import flowing
from benchmarks.machine import machine
from benchmarks.rollback import CLOSED, Home, make_home
from tabi.bundle import Bundle
from tabi.store import Store
from tabi.workspace import Workspace

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "evidence"
COMPOSE = Path(__file__).resolve().parents[1] / "infra" / "compose" / "compose.yaml"
# settings that cost a server nothing, and make it another revision
OTHER = {"TABI_REQUIRE": "any"}
AIM_S = {"local": 2.0, "compose": 10.0}


@dataclass
class Found:
    """What was measured on one target, in seconds.

    `settled_s`: from the start of `tabi rollback` to the last answer of the version that was rolled away.
    """

    target: str
    deploy_s: list[float] = field(default_factory=list)
    rollback_s: list[float] = field(default_factory=list)
    settled_s: list[float] = field(default_factory=list)
    answered: int = 0
    failed: int = 0
    failures_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """Where commands are given."""

    home: Home
    environ: Mapping[str, str]

    def tabi(self, *arguments: str, code: int = 0, told: Mapping[str, str] | None = None) -> float:
        """Run a command to its end; its seconds."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "tabi", *arguments]
        done = subprocess.run(
            command, env={**self.environ, **(told or {})}, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != code:
            raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return time.perf_counter() - began


@contextmanager
def desk_of(bundle: Path, project: Path, port: int) -> Iterator[Desk]:
    """A home of its own; what runs in it is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
        home = make_home(bundle, project, Path(folder))
        for path in (Path(folder), home.workspace.store):
            path.chmod(0o755)
        told = {"TABI_HOME": folder, "TABI_TRACKING_URI": CLOSED, "TABI_PORT": str(port)}
        compose = {"TABI_COMPOSE_FILES": str(COMPOSE), "COMPOSE_PROJECT_NAME": "tabi-bench"}
        ours = {key: text for key, text in os.environ.items() if not key.startswith("TABI_")}
        yield Desk(home, {**ours, **told, **compose})


def measure(desk: Desk, target: str, image: str, rounds: int, port: int) -> Found:
    """Deploy and roll back under load, then make each failure once."""
    found, name = Found(target), desk.home.name
    older, newer = (version.bundle for version in desk.home.versions)
    to = (name, "--target", target)
    by = ("--image", image) if image else ()
    desk.tabi("deploy", *to, *by)
    try:
        with flowing(port, f"/models/{name}/predict", desk.home.body) as flow:
            for _ in range(rounds):
                found.deploy_s.append(desk.tabi("deploy", *to, *by, "--version", "2", told=OTHER))
                began = time.perf_counter()
                found.rollback_s.append(desk.tabi("rollback", *to, "--reason", "benchmark"))
                time.sleep(2)
                found.settled_s.append(flow.last[newer] - began)
            found.failures_s |= failures(desk, to, by, target)
        found.answered, found.failed = flow.answered, len(flow.failed)
        if flow.versions[-1] != older:
            raise SystemExit("the version before does not answer")
    finally:
        desk.tabi("deploy", *to, "--stop")
    return found


def failures(desk: Desk, to: tuple[str, ...], by: tuple[str, ...], target: str) -> dict[str, float]:
    """Seconds of a command that fails, until what ran before runs again."""
    absent = {"TABI_MODELS": f"{desk.home.name} absent"} if target == "compose" else {"TABI_LIMITS": "body=none"}
    found = {"a server that cannot start": desk.tabi("deploy", *to, *by, code=1, told=absent)}
    with subprocess.Popen(
        [sys.executable, "-m", "tabi", "deploy", *to, *by],
        env={**desk.environ, **OTHER},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as killed:
        for line in killed.stderr or ():
            if "is started as" in line:
                break
        killed.kill()
    found["the next command after one that was killed"] = desk.tabi("deploy", *to, *by)
    return found


def page(results: list[Found], name: str, load: float) -> str:
    """The figures."""
    rows = [
        f"| {f.target} | {_spread(f.deploy_s)} | {_spread(f.rollback_s)} | {_spread(f.settled_s)} "
        f"| {AIM_S[f.target]:.0f} | {f.answered:,} | {f.failed} |"
        for f in results
    ]
    failed = [f"| {f.target} | {what} | {seconds:.1f} |" for f in results for what, seconds in f.failures_s.items()]
    return "\n".join(
        [
            "# Deployments: figures",
            "",
            f"Written by `python -m benchmarks.deploy` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            f"Load of the machine when it began: {load:.1f}.",
            machine(("sqlalchemy", "onnxruntime")),
            "",
            f"Two versions of `{name}`. Four clients ask all the time, two of them by connections that they keep;",
            "nothing is asked twice. Each round deploys the second version by a server of other settings, then rolls",
            "both back by one command. Seconds of the commands, from the start of their process to its end, smoke test",
            "included; and, as the model goes first, from the start of the rollback to the last answer of its version.",
            "Median and slowest.",
            "",
            "| target | deploy | slowest | rollback | slowest | settled | slowest | aim | answered | not answered |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "Failures, made for real under the same load: seconds of the command until what ran before runs again.",
            "",
            "| target | failure | seconds |",
            "| --- | --- | ---: |",
            *failed,
            "",
        ]
    )


def _spread(found: list[float]) -> str:
    return f"{median(found):.1f} | {max(found):.1f}"


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy", description="How fast a deployment is.")
    parser.add_argument("--ref", default="breast_cancer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--image", default="", help="an image's id; without it compose is not measured")
    given = parser.parse_args()
    load, workspace = os.getloadavg()[0], Workspace.find()
    bundle = Store(workspace.models).resolve(given.ref)
    name, results = Bundle.open(bundle).name, []
    for target, image in (("local", ""), *((("compose", given.image),) if given.image else ())):
        with desk_of(bundle, workspace.projects / name, given.port) as desk:
            results.append(measure(desk, target, image, given.rounds, given.port))
        print(results[-1], flush=True)
    text = page(results, name, load)
    print(text)
    FOLDER.joinpath("deploy.md").write_text(text, encoding="utf-8")
    document = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "targets": [asdict(each) for each in results]}
    FOLDER.joinpath("deploy.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
