"""MLflow's own pages over the workspace's runs, as a process that ends with the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from tabi.errors import ConfigError, TrainingError
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace, without_secrets

START_S = 120.0
STOP_S = 10.0


def serve_ui(workspace: Workspace, host: str, port: int, say: Callable[[str], None]) -> int:
    """Serve MLflow's pages until a signal, and stop every process of them; a server by URL has its own.

    `port` 0 takes a free one. Returns the exit code. Raises `ConfigError` for a port that is taken, `TrainingError`
    where the pages do not come up.
    """
    if workspace.tracking_uri.startswith(("http://", "https://")):
        say(f"tracking  {without_secrets(workspace.tracking_uri)} serves its own pages")
        return 0
    tracking_client(workspace).search_experiments(max_results=1)  # makes or migrates the database, or says why not
    port = _free_port(host, port)
    url = f"http://{host}:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", workspace.tracking_uri]
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    variables = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait_until_up(process, url)
        say(f"tracking  {url}  (Ctrl-C stops it)")
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        _stop(process)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _free_port(host: str, port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} cannot be listened on: choose another with --port") from error
        return int(probe.getsockname()[1])


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - our own address
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise TrainingError("MLflow's pages did not come up: run `mlflow server` by hand to see why")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started, by force if they do not follow a request."""
    for number, patience in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
