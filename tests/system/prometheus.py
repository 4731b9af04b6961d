"""The real Prometheus of Debian, scraping servers of this machine every second."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from scripts.observability.drill.program import answering
from tests.system.conftest import give_up
from tests.system.debian import install_in_ci
from tests.system.tasks import free_port


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
    with answering(
        [*command, f"--web.listen-address={address}"], f"http://{address}/-/ready", folder / "prometheus.log"
    ):
        yield f"http://{address}"
