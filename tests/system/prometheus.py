"""The real Prometheus of Debian, scraping servers of this machine every second."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests.system.conftest import give_up
from tests.system.debian import install_in_ci
from tests.system.tasks import free_port

READY_LIMIT_S = 30
STOP_LIMIT_S = 10


@contextmanager
def prometheus(folder: Path, targets: Sequence[str]) -> Iterator[str]:
    """Its address. None is left afterwards."""
    if shutil.which("prometheus") is None:
        install_in_ci("prometheus")
    program = shutil.which("prometheus") or give_up("there is no prometheus: apt-get install prometheus")
    job = {"job_name": "tabi", "static_configs": [{"targets": list(targets)}]}
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]})
    )
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as said:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=said, stderr=said)
        try:
            _await(f"http://{address}/-/ready", process)
            yield f"http://{address}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            with urlopen(url, timeout=2):  # noqa: S310  our own server
                return
        except (URLError, OSError):
            assert process.poll() is None, "Prometheus ended"
            assert time.monotonic() < end, "Prometheus did not start"
            time.sleep(0.1)
