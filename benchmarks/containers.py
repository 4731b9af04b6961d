"""Three ways of a model to a container: `python -m benchmarks.containers NAME`. Writes docs/evidence/containers.md.

It needs a container engine, and a store in the workspace with two versions of the model. The image is built here; a
bucket of S3 is stood in for by moto on this machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import boto3

from benchmarks.engine import build, container, docker, free_port, megabytes, wait_port
from benchmarks.machine import machine
from tabi.bench.rows import draw_rows
from tabi.bundle import Bundle
from tabi.store import Store
from tabi.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "docs" / "evidence" / "containers.md"
STARTS = 5
LIMIT_S = 120
KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Way:
    """How a model gets there, and what that costs. `update_s`: from the decision to an answer of the new version."""

    name: str
    image_mb: float
    ready_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    stop_s: list[float] = field(default_factory=list)
    update_s: float = 0.0


@dataclass
class Model:
    """A store of its own with two versions, which take turns as `latest`."""

    name: str
    store: Store
    row: dict[str, Any]
    versions: list[str]

    def point_to_the_other(self, store: Store) -> str:
        """Move `latest`; the version that it is now."""
        pointer = store.latest(self.name)
        other = next(version for version in self.versions if pointer is None or version != pointer.id)
        store.set_latest(self.name, other, pointer)
        return other


def answer(port: int, row: dict[str, Any]) -> str | None:
    """The version that answers a row; None if nobody does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/predict", json.dumps({"features": row}))
        told = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return str(told["version"]) if "version" in told else None


def wait_for(port: int, model: Model, version: str) -> None:
    """Until this version answers."""
    end = time.monotonic() + LIMIT_S
    while answer(port, model.row) != version:
        if time.monotonic() > end:
            sys.exit(f"{version[:12]} does not answer")
        time.sleep(0.02)


def measure(way: Way, model: Model, store: Store, run: Callable[[int], tuple[str, ...]]) -> None:
    """Start and stop a few times. `run`: the words of `docker run` for a port."""
    for _ in range(STARTS):
        port, pointer = free_port(), store.latest(model.name)
        assert pointer is not None
        began = time.perf_counter()
        with container(*run(port)) as name:
            wait_for(port, model, pointer.id)
            way.ready_s.append(time.perf_counter() - began)
            told = docker("exec", name, "python", "-c", "print(open('/proc/1/status').read())")
            found = re.search(r"VmRSS:\s+(\d+) kB", told)
            assert found
            way.rss_mb.append(int(found[1]) / 1e3)
            began = time.perf_counter()
            docker("stop", "--time", "30", name)
            way.stop_s.append(time.perf_counter() - began)
            assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"


def follow(way: Way, model: Model, store: Store, run: Callable[[int], tuple[str, ...]]) -> None:
    """A container that runs follows the pointer."""
    port, pointer = free_port(), store.latest(model.name)
    assert pointer is not None
    with container(*run(port)):
        wait_for(port, model, pointer.id)
        began = time.perf_counter()
        wait_for(port, model, model.point_to_the_other(store))
        way.update_s = time.perf_counter() - began


def by_volume(image: str, model: Model) -> Way:
    """The store of the host, mounted."""
    way = Way("volume", megabytes(image))

    def run(port: int) -> tuple[str, ...]:
        volume = ("--volume", f"{model.store.root}:/app/store:ro", "--publish", f"127.0.0.1:{port}:8000")
        return (*volume, image, "serve", model.name, "--host", "0.0.0.0")  # noqa: S104 - inside a container

    measure(way, model, model.store, run)
    follow(way, model, model.store, run)
    return way


def baked(model: Model, scratch: Path) -> Way:
    """In the image: another version is another image and another container."""
    context = scratch / "context"
    for name in ("Dockerfile", ".dockerignore", "locks", "scripts", "src"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, context / name)

    def make() -> str:
        shutil.rmtree(context / "store", ignore_errors=True)
        shutil.copytree(model.store.root / "models", context / "store" / "models")
        return build(context, "--build-arg", "MODELS=baked")

    image = make()
    way = Way("baked", megabytes(image))

    def run(port: int) -> tuple[str, ...]:
        return ("--publish", f"127.0.0.1:{port}:8000", image, "serve", model.name, "--host", "0.0.0.0")  # noqa: S104

    measure(way, model, model.store, run)
    port = free_port()
    began = time.perf_counter()
    other = model.point_to_the_other(model.store)
    image = make()
    with container(*run(port)):
        wait_for(port, model, other)
        way.update_s = time.perf_counter() - began
    return way


def from_s3(image: str, model: Model, scratch: Path) -> Way:
    """Fetched at each start: the cache dies with the container."""
    way, port = Way("s3", megabytes(image)), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_port(port)
        variables = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        os.environ.update({**variables, "TABI_CACHE": str(scratch / "cache")})
        boto3.client("s3").create_bucket(Bucket="models")
        store = Store("s3://models/team")
        for version in model.versions:
            store.put_bundle(model.store.open_path(model.name, version))
        model.point_to_the_other(store)
        variables["TABI_STORE"] = store.place
        options = [word for name, text in variables.items() for word in ("--env", f"{name}={text}")]

        def run(port: int) -> tuple[str, ...]:
            # the S3 of this machine is on loopback
            return ("--network", "host", *options, image, "serve", model.name, "--port", str(port))

        measure(way, model, store, run)
        follow(way, model, store, run)
    finally:
        process.terminate()
        process.wait(10)
    return way


def refusal(image: str, name: str) -> tuple[float, float, str]:
    """How long a container without its volume lives, the seconds of a processor that it takes, and its last line."""
    lived = []
    command = ["python", "-m", "tabi", "serve", name]
    timed = f"import resource, subprocess; subprocess.run({command}, stderr=subprocess.DEVNULL); "
    timed += "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    taken = [float(docker("run", "--rm", "--entrypoint", "python", image, "-c", timed)) for _ in range(STARTS)]
    for _ in range(STARTS):
        with container(image, "serve", name, "--host", "0.0.0.0") as found:  # noqa: S104
            if docker("wait", found) != "78":
                sys.exit("a container without a model did not end with 78")
            state = json.loads(docker("inspect", "--format", "{{json .State}}", found))
            began, ended = (datetime.fromisoformat(state[key][:26]) for key in ("StartedAt", "FinishedAt"))
            lived.append((ended - began).total_seconds())
            line = subprocess.run(["docker", "logs", found], capture_output=True, text=True, check=True).stderr.strip()
    return median(lived), median(taken), line


def page(ways: list[Way], refused: tuple[float, float, str], slim: float, load: float) -> str:
    """What is written down."""
    rows = [
        f"| {way.name} | {way.image_mb:.1f} | {median(way.ready_s):.2f} | {median(way.rss_mb):.0f} "
        f"| {median(way.stop_s):.2f} | {way.update_s:.2f} |"
        for way in ways
    ]
    engine = docker("version", "--format", "{{.Server.Version}}")
    return f"""# Containers: figures

Written by `python -m benchmarks.containers` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.
Load of the machine when it began: {load:.1f}.
{machine(["onnxruntime", "boto3"])} Docker {engine}.

Medians of {STARTS} containers each, with a read-only root and no capability; the aims are 120 MB, 1.0 s and 120 MB.
Ready is from `docker run` to the first answer. Update is from moving `latest` to the first answer of the other
version; for baked models the build of the image and the start of the container are part of it.

| the model comes by | image above its base, MB | ready, s | memory, MB | stop, s | update, s |
| --- | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}

- with `LOCK=serve`, which knows neither signatures nor S3, the image is {slim:.1f} MB above its base
- without a model a container lives {refused[0]:.2f} s, from start to exit code 78, of which {refused[1]:.2f} s are of a
  processor, and says:

```
{refused[2]}
```
"""


def main() -> None:
    """Build, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    name, load = parser.parse_args().name, os.getloadavg()[0]
    source = Store(Workspace.find().store)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shutil.copytree(source.root, scratch / "store")
        store = Store(scratch / "store")
        bundle = Bundle.open(store.open_path(name))
        model = Model(name, store, draw_rows(bundle.contract(), 1)[0], store.snapshots(name)[:2])
        if len(model.versions) < 2:
            sys.exit(f"{name} has one version: train it with another seed and release it")
        model.point_to_the_other(store)
        image = build(ROOT)
        slim = megabytes(build(ROOT, "--build-arg", "LOCK=serve"))
        ways = [by_volume(image, model), baked(model, scratch), from_s3(image, model, scratch)]
        EVIDENCE.write_text(page(ways, refusal(image, name), slim, load), encoding="utf-8")
    print(EVIDENCE)


if __name__ == "__main__":
    main()
