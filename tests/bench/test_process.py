"""A server process is ready when it answers, tells what it uses, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from tabi.bench import process
from tabi.bench.process import Command, cores, running, usage_of
from tabi.errors import NotReadyError

SERVER = """
    import http.server, os, signal, subprocess, sys, time
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
    {more}
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
CHILD = """
    child = subprocess.Popen([sys.executable, "-c", "b = bytearray(60_000_000); import time; time.sleep(600)"])
    print(child.pid, file=open(os.environ["PIDS"], "w"), flush=True)
"""


def server(tmp_path: Path, more: str = "") -> Command:
    script = tmp_path / "server.py"
    script.write_text(textwrap.dedent(SERVER).replace("{more}", textwrap.dedent(more)), encoding="utf-8")
    environment = {"PIDS": str(tmp_path / "pids"), "OTHER": "{port2}"}
    return Command("little", (sys.executable, str(script), "{port}"), "/", environment)


def is_alive(pid: int) -> bool:
    """A process that nobody has waited for yet is as good as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


@needs_proc
def test_it_is_ready_when_it_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    more = "time.sleep(0.5); assert int(os.environ['OTHER']) != int(sys.argv[1]); os.environ['OMP_NUM_THREADS']"
    core, _ = cores()
    with running(server(tmp_path, more), core) as found:
        assert found.ready_s >= 0.5
        assert is_alive(found.pid)
        if core is not None:
            assert os.sched_getaffinity(found.pid) == {core}
        usage = found.usage()
        assert usage is not None
        assert usage.cpu_s > 0
        assert 5 < usage.rss_mb < 60
    assert not is_alive(found.pid)
    assert found.usage() is None


@needs_proc
def test_its_children_count_and_are_gone_too(tmp_path: Path) -> None:
    with running(server(tmp_path, CHILD), None) as found:
        child = int((tmp_path / "pids").read_text())
        while (usage := usage_of(child)) is not None and usage.rss_mb < 60:
            pass
        together = found.usage()
        assert together is not None
        assert together.rss_mb > 65
    assert not is_alive(child)


@needs_proc
def test_one_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_LIMIT_S", 0.3)
    with running(server(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)"), None) as found:
        pass
    assert not is_alive(found.pid)


def test_one_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = server(tmp_path, "print('no such model\\n', flush=True); sys.exit(3)")
    with (
        pytest.raises(NotReadyError, match="little ended with exit code 3; its last words: no such model"),
        running(command, None),
    ):
        pass


def test_one_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "READY_LIMIT_S", 0.3)
    command = server(tmp_path, "time.sleep(600)")
    with pytest.raises(NotReadyError, match="little was not ready"), running(command, None):
        pass
