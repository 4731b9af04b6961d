"""The image answers as the command line does: `python scripts/docker_smoke.py IMAGE:COMMIT PROJECT`.

The container has a read-only root, no capability, and the store as a read-only volume, as in production. The project
must be released in this workspace.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from typing import Any

from tabi.bench.rows import draw_rows
from tabi.bundle import Bundle
from tabi.serving.model import Model
from tabi.store import Store
from tabi.workspace import Workspace

READY_LIMIT_S = 60
STOP_LIMIT_S = 30
ROWS = 20


def main() -> None:
    """Run, ask, compare, stop."""
    if len(sys.argv) != 3:
        sys.exit("usage: docker_smoke.py IMAGE:COMMIT PROJECT")
    image, name = sys.argv[1:]
    store = Store(Workspace.find().store)
    bundle = store.resolve(name)
    began = time.perf_counter()
    container = run(image, name, str(Workspace.find().store))
    try:
        port = int(docker("port", container, "8000/tcp").splitlines()[0].rpartition(":")[2])
        wait_ready(container, port)
        ready_s = time.perf_counter() - began
        compare(port, bundle, name)
        docker("stop", "--time", str(STOP_LIMIT_S), container)
        code = docker("inspect", "--format", "{{.State.ExitCode}}", container)
        if code != "0":
            sys.exit(f"the container of {image} ended with exit code {code} on SIGTERM:\n{docker('logs', container)}")
    finally:
        docker("rm", "--force", "--volumes", container)
    print(f"{image} answers as tabi predict does: {ROWS} rows of {name}; ready after {ready_s:.1f} s, stopped with 0")


def run(image: str, name: str, store: str) -> str:
    """Start the container; its id. Where the store belongs is what the image says."""
    variables = dict(
        pair.split("=", 1) for pair in json.loads(docker("inspect", "--format", "{{json .Config.Env}}", image))
    )
    hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]  # noqa: S108
    volume = f"{store}:{variables['TABI_STORE']}:ro"
    command = ["run", "--detach", *hardened, "--publish", "127.0.0.1::8000", "--volume", volume, image]
    return docker(*command, "serve", name, "--host", "0.0.0.0")  # noqa: S104


def wait_ready(container: str, port: int) -> None:
    """Until /readyz is 200; a container that ended says why."""
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            status, _ = ask(port, "GET", "/readyz")
        except (OSError, http.client.HTTPException):
            status = 0
        if status == 200:
            return
        running = docker("inspect", "--format", "{{.State.Running}}", container) == "true"
        if not running or time.monotonic() > end:
            sys.exit(f"the server in the container did not get ready:\n{docker('logs', container)}")
        time.sleep(0.1)


def compare(port: int, bundle: Any, name: str) -> None:
    """The contract is the bundle's, and each answer is what the same bundle answers here."""
    contract = Bundle.open(bundle).contract()
    status, schema = ask(port, "GET", "/schema")
    if status != 200 or schema["name"] != contract.name:
        sys.exit(f"GET /schema: {status}, and not the contract of {name}")
    model = Model.open(bundle)
    rows = draw_rows(contract, ROWS)
    expected, _ = model.predict(rows)
    for row, prediction in zip(rows, expected, strict=True):
        status, answer = ask(port, "POST", "/predict", {"features": row})
        if status != 200 or answer["version"] != bundle.name or answer["probability"] != prediction.probability:
            sys.exit(f"POST /predict: {status}, and not the answer of the bundle {bundle.name[:12]} of {name}")


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and decoded answer of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def docker(*arguments: str) -> str:
    """Run docker; its words, or the end with its exit code."""
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(done.returncode)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
