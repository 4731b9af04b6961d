"""podman, which runs a pod as Kubernetes would: from Debian, with everything it keeps in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.system.conftest import give_up
from tests.system.debian import install_in_ci

PACKAGES = ("podman", "catatonit", "netavark", "aardvark-dns", "runc")
# a machine that is itself a container may not raise limits, and crun refuses its mixed control groups
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


@dataclass(frozen=True)
class Podman:
    """The command with its own storage."""

    folder: Path

    def run(self, *arguments: str, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        place = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"), "--log-level", "error"]
        # a client of docker beside it has places of its own, which podman would read too
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        environ = {**inherited, "CONTAINERS_CONF": str(self.folder / "containers.conf"), "TMPDIR": str(self.folder)}
        command = ["podman", *place, *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=limit_s, check=False)

    def must(self, *arguments: str, limit_s: float = 120) -> str:
        """Its words; a failure is the test's."""
        done = self.run(*arguments, limit_s=limit_s)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout.strip()


def podman_in(folder: Path) -> Podman:
    """A podman that keeps all in `folder`; in CI it is installed."""
    if os.geteuid() != 0 and not shutil.which("podman"):
        give_up("podman is not installed, and only root could install it")
    if shutil.which("podman") is None:
        install_in_ci(*PACKAGES)
    if shutil.which("podman") is None:
        give_up(f"there is no podman: apt-get install {' '.join(PACKAGES)}")
    (folder / "containers.conf").write_text(CONFIGURATION if os.geteuid() == 0 else "", encoding="utf-8")
    return Podman(folder)
