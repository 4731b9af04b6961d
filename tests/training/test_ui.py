import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from typing import Any

import pytest

from tabi.errors import ConfigError
from tabi.training.ui import serve_ui

# slow: real trainings, processes and kills
pytestmark = pytest.mark.system


def test_a_server_by_url_serves_its_own_pages(trained: Any) -> None:
    said: list[str] = []
    workspace = replace(trained.workspace, tracking_uri="http://tracking.example:5000")
    assert serve_ui(workspace, "127.0.0.1", 0, said.append) == 0
    assert said == ["tracking  http://tracking.example:5000 serves its own pages"]


def test_a_port_that_is_taken_is_refused_before_anything_starts(trained: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="choose another with --port"):
            serve_ui(trained.workspace, "127.0.0.1", port, print)


def test_the_pages_show_the_runs_and_end_with_the_command(trained: Any) -> None:
    environment = {**os.environ, "TABI_HOME": str(trained.workspace.root), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "tabi", "tracking", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True) as tabi:
        assert tabi.stdout is not None
        line = tabi.stdout.readline()
        url = line.split()[1]
        asked = f"{url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=breast_cancer"
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own address
            assert b'"breast_cancer"' in answer.read()
        tabi.send_signal(signal.SIGTERM)
        assert tabi.wait(60) == 0
    host, port = url.removeprefix("http://").split(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) != 0:
                return
        time.sleep(0.1)
    pytest.fail("the pages still answer")
