"""200 reloads under full load: no request fails, none is answered by two versions, and memory stays as it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from tests.serving.conftest import ROW, Harbour, serving
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.conftest import own_harbour as own_harbour  # noqa: PLC0414
from tests.serving.test_server import Caller

pytestmark = pytest.mark.system

RELOADS = 200
# a version that were kept would cost its graph, its session and its counters: half a megabyte for the tiny ones here
KEPT_MB = 0.5
BODY = json.dumps({"features": ROW}).encode()


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_reloads_under_full_load(own_harbour: Harbour, tmp_path: Path) -> None:
    stop, store = Event(), own_harbour.store
    (tmp_path / "bodies").write_bytes(BODY)
    with serving(store.root, "voyage", options=("--no-log",)) as server:
        command = [sys.executable, "-m", "tabi.bench.load", f"http://{server.host}:{server.port}/predict"]
        command += ["--bodies", str(tmp_path / "bodies"), "-c", "24", "-d", "600", "--warm-up", "0"]
        load = subprocess.Popen([*command, "-n", "300000"], stdout=subprocess.PIPE)
        callers = [Caller(server, stop) for _ in range(4)]
        for caller in callers:
            caller.start()
        memory = []
        for number in range(RELOADS):
            version = (own_harbour.newer, own_harbour.older)[number % 2]
            store.set_latest("voyage", version, store.latest("voyage"))
            status, _, told = server.operate("POST", "/reload")
            assert (status, told["status"], told["models"][0]["version"]) == (200, "ok", version)
            time.sleep(0.05)
            memory.append(rss_mb(server.process.pid))
        still_loading = load.poll() is None
        out, _ = load.communicate()
        stop.set()
        for caller in callers:
            caller.join(60)
        assert server.stop()[0] == 0
    loaded = json.loads(out)
    assert still_loading, "the load ended before the reloads did: ask for more requests"
    assert (loaded["statuses"], loaded["failures"]) == ({}, {})
    assert [failure for caller in callers for failure in caller.failures] == []
    found: dict[str, set[float]] = {}
    for version, probabilities in (answer for caller in callers for answer in caller.answers):
        found.setdefault(version, set()).update(probabilities)
    # one answer for the row from each version, and not the same one
    assert set(found) == {own_harbour.older, own_harbour.newer}
    assert [len(probabilities) for probabilities in found.values()] == [1, 1]
    assert found[own_harbour.older] != found[own_harbour.newer]
    # flat: between the first half and the second it grows by less than a hundredth of what 100 versions are
    first, second = max(memory[20 : RELOADS // 2]), max(memory[RELOADS // 2 :])
    assert second - first < KEPT_MB * RELOADS / 2 / 10
