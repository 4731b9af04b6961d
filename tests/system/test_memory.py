"""Four million requests through the hot door: memory and open files stay as they are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.serving.conftest import CITIES, SEXES, Harbour, serving
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

PARTS, PART = 40, 100_000
# the first parts fill pools, caches and the pages of what was loaded
WARM_UP_PARTS = 4
# The smallest object of Python that holds anything has 24 bytes and what holds it a pointer of 8. One that were kept of
# every request would grow memory by 32 bytes a request, and one of every 32 requests by 1.
BYTES_A_REQUEST = 1.0


def bodies() -> list[bytes]:
    """Rows of all kinds, those with warnings and those that are refused too."""
    sound = [
        {"age": index % 90, "fare": index / 7, "sex": SEXES[index % 2], "city": CITIES[index % 3]}
        for index in range(500)
    ]
    odd = [{"age": "x"}, {"zone": 1}, {}, {"age": 300, "sex": "unknown"}]
    return [json.dumps({"features": row}).encode() for row in [*sound, *odd]]


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_memory_and_files_are_flat(harbour: Harbour, tmp_path: Path) -> None:
    (tmp_path / "bodies").write_bytes(b"\n".join(bodies()))
    log = tmp_path / "log"
    memory, files = [], []
    with serving(harbour.store.root, "voyage", TABI_PREDICTIONS=str(log)) as server:
        pid = server.process.pid
        command = [sys.executable, "-m", "tabi.bench.load", f"http://{server.host}:{server.port}/predict"]
        command += ["--bodies", str(tmp_path / "bodies"), "-c", "16", "-n", str(PART), "--warm-up", "0"]
        for _ in range(PARTS):
            done = subprocess.run(command, capture_output=True, check=True)
            load = json.loads(done.stdout)
            assert (load["requests"], load["statuses"], load["failures"]) == (PART, {}, {})
            memory.append(rss(pid))
            files.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
            # a disk need not hold all of it; the last segment is still written to
            for segment in sorted(log.iterdir())[:-1]:
                segment.unlink()
        metrics = server.ask("GET", "/metrics")[2].decode()
        assert server.stop()[0] == 0
    (answered,) = re.findall(r'^tabi_requests_total\{route="/predict",status="200"\} (\S+)$', metrics, re.MULTILINE)
    assert float(answered) == PARTS * PART
    counted = np.arange(WARM_UP_PARTS, PARTS) * PART
    slope = np.polyfit(counted, memory[WARM_UP_PARTS:], 1)[0]
    print(f"{slope:.3f} bytes a request; {memory[0] / 1e6:.1f} MB and at the end {memory[-1] / 1e6:.1f} MB")
    assert slope <= BYTES_A_REQUEST
    # clients of the part before may still be being let go
    assert max(files[1:]) - files[0] <= 16
    assert files[-1] <= files[0] + 2
