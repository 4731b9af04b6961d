"""What a signature costs: `python -m benchmarks.trust REF`, on a store with a bundle of any model.

Signs a copy of the bundle, then starts servers in turn with nobody trusted and with a trusted key, and opens the bundle
in fresh processes with Tabi's own check and with model-signing's. The page it prints is `docs/evidence/trust.md`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import machine
from tabi.bundle.external import problem_of
from tabi.bundle.keys import KeyPair, new_key_pair
from tabi.bundle.signature import Signer, sign, verify
from tabi.bundle.trust import Trust
from tabi.store import Store
from tabi.workspace import Workspace

STARTS, CALLS = 7, 200
# in a process of its own: the seconds of the check, imports included, and the memory that it took
CHILD = """
import resource, sys, time
from pathlib import Path
from tabi.bundle import Bundle
import onnxruntime, uvicorn
def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
before, began = memory(), time.perf_counter()
{check}
print(time.perf_counter() - began, memory() - before)
"""
TABI = "from tabi.bundle.signature import verify; verify(Path({folder!r}))"
OPENSSF = (
    "from model_signing import verifying; folder = Path({folder!r}); Bundle.open(folder); "
    "verifier = verifying.Config().use_elliptic_key_verifier(public_key={key!r}); "
    "verifier.verify(folder, folder / 'model.sig')"
)
NOTHING = "Bundle.open(Path({folder!r}))"


def start(folder: Path, trusted: Path | None) -> tuple[float, float]:
    """Seconds until a server answers, and its memory in MB then."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("TABI_VERIFY")}
    if trusted is not None:
        environ["TABI_VERIFY_KEY"] = str(trusted)
    command = [sys.executable, "-m", "tabi", "serve", str(folder), "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**environ, "TABI_LOG": "false"})
    try:
        assert process.stdout is not None
        assert any(line.startswith("serving ") for line in process.stdout)
        seconds = time.perf_counter() - began
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))
        assert found is not None
        return seconds, int(found[1]) * 1024 / 1e6
    finally:
        process.terminate()
        process.communicate()


def child(check: str, folder: Path, pair: KeyPair) -> tuple[float, float]:
    """Seconds and MB of a check in a fresh process that has loaded what a server has."""
    script = CHILD.format(check=check.format(folder=str(folder), key=str(pair.public)))
    environ = {**os.environ, "TABI_VERIFY_KEY": str(pair.public)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def milliseconds(folder: Path, environ: dict[str, str]) -> float:
    """Of one opening, everything imported."""
    verify(folder, environ)
    began = time.perf_counter()
    for _ in range(CALLS):
        verify(folder, environ)
    return (time.perf_counter() - began) / CALLS * 1e3


def page(source: Path, scratch: Path) -> Iterator[str]:
    """The lines of the page."""
    folder, pair = scratch / "bundle", new_key_pair(scratch / "keys")
    shutil.copytree(source, folder)
    signer = Signer.from_environment({"TABI_SIGNING_KEY": str(pair.private)})
    assert signer is not None
    load = os.getloadavg()[0]
    (folder / "model.sig").write_bytes(sign(folder, signer))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    yield "# Signatures: figures\n"
    yield f"Written by `python -m benchmarks.trust` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    yield f"Load of the machine when it began: {load:.1f}."
    yield machine(["onnxruntime", "cryptography", "model-signing"])
    yield f"\nThe bundle has {size:,} bytes, its signature {(folder / 'model.sig').stat().st_size:,}."
    yield f"Medians of {STARTS} fresh processes, in turn.\n"
    yield "| | nobody trusted | a key trusted | aim |\n| --- | ---: | ---: | ---: |"
    starts = [(start(folder, None), start(folder, pair.public)) for _ in range(STARTS)]
    for index, what, aim in ((0, "a server is ready after, s", "0.8"), (1, "memory of the server, MB", "110")):
        without, with_key = (statistics.median(pick[index] for pick in column) for column in zip(*starts, strict=True))
        yield f"| {what} | {without:.2f} | {with_key:.2f} | {aim} |"
    yield "\n| a check in a process that has loaded what a server has | seconds | MB more |\n| --- | ---: | ---: |"
    checks = {"files alone": NOTHING, "files and signature, as Tabi": TABI, "files, then model-signing": OPENSSF}
    found = [{name: child(check, folder, pair) for name, check in checks.items()} for _ in range(STARTS)]
    for name in checks:
        seconds, memory = (statistics.median(each[name][index] for each in found) for index in (0, 1))
        yield f"| {name} | {seconds:.3f} | {memory:.1f} |"
    trust = {"TABI_VERIFY_KEY": str(pair.public)}
    yield f"\n- opening the bundle again, all imported: {milliseconds(folder, {}):.2f} ms without a key,"
    yield f"  {milliseconds(folder, trust):.2f} ms with one, the key's file read each time"
    graph = (folder / "model.onnx").read_bytes()
    began = time.perf_counter()
    problem_of(graph)
    yield f"- looking for data outside the graph of {len(graph):,} bytes: {(time.perf_counter() - began) * 1e3:.2f} ms"
    assert Trust.from_environment(trust) is not None


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ref")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for line in page(Store(Workspace.find().models).resolve(given.ref), Path(scratch)):
            print(line)


if __name__ == "__main__":
    main()
