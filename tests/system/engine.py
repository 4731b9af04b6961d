"""A container engine: the one that is there, or one of our own for as long as tests run.

Where no registry can be reached, a base image is made from Debian's packages. It shows how a Dockerfile behaves, and
says nothing of the size of the real one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.recipe import built
from tests.system.conftest import INSTALL_LIMIT_S, give_up

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("docker.io", "docker-buildx", "docker-compose", "mmdebstrap")
START_LIMIT_S = 60
PULL_LIMIT_S = 120
BUILD_LIMIT_S = 900
# pip of the official image, and its folder of commands
HOOK = """
set -eu
cp /usr/local/share/ca-certificates/*.crt "$1"/usr/local/share/ca-certificates/ 2>/dev/null || :
chroot "$1" update-ca-certificates >/dev/null 2>&1
printf '[global]\\ncert = /etc/ssl/certs/ca-certificates.crt\\n' >"$1"/etc/pip.conf
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
for name in python python3; do ln -sf /usr/bin/python3 "$1"/usr/local/bin/$name; done
"""


@dataclass(frozen=True)
class Engine:
    """The docker command with its variables."""

    environ: dict[str, str]

    def run(self, *arguments: str, limit_s: float = 120, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
        """Run `docker …` to its end."""
        command = ["docker", *arguments]
        return subprocess.run(
            command, cwd=cwd, env=self.environ, capture_output=True, text=True, timeout=limit_s, check=False
        )

    def must(self, *arguments: str, limit_s: float = 120, cwd: Path = REPOSITORY) -> str:
        """Its output; a failure is the test's."""
        done = self.run(*arguments, limit_s=limit_s, cwd=cwd)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout[-1000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def build(self, context: Path, *arguments: str) -> str:
        """The id of what was built."""
        return self.must("build", "--quiet", *arguments, str(context), limit_s=BUILD_LIMIT_S)

    def inspect(self, name: str) -> Any:
        """What is known of a container or an image."""
        return json.loads(self.must("inspect", name))[0]

    def said(self, container: str) -> tuple[str, str]:
        """What a container wrote to stdout and to stderr."""
        done = self.run("logs", container)
        return done.stdout, done.stderr

    def ended(self, container: str, limit_s: float = 90) -> int:
        """The exit code of a container that ends by itself."""
        return int(self.must("wait", container, limit_s=limit_s))

    @contextmanager
    def container(self, *arguments: str) -> Iterator[str]:
        """`docker run` with a read-only root and no rights; gone afterwards with its volumes."""
        hardened = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        container = self.must("run", "--detach", *hardened, *arguments)
        try:
            yield container
        finally:
            self.run("rm", "--force", "--volumes", container)


@contextmanager
def engine_with_base() -> Iterator[Engine]:
    """An engine that has the base image of our Dockerfile."""
    with running_engine() as found:
        _have_base(found, built((REPOSITORY / "Dockerfile").read_text(encoding="utf-8")).base)
        yield found


@contextmanager
def running_engine() -> Iterator[Engine]:
    """The engine that answers already, or one that is started here and stopped again."""
    # what make sets of itself is not for the make that a test calls
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    found = Engine(environ)
    if shutil.which("docker") and found.run("version").returncode == 0:
        yield found
        return
    if os.environ.get("CI"):
        _install()
    if os.geteuid() != 0 or not (shutil.which("docker") and shutil.which("dockerd")):
        give_up(f"no container engine answers, and none can be started: apt-get install {' '.join(PACKAGES)}, as root")
    with _started(environ) as started:
        yield started


@contextmanager
def _started(environ: dict[str, str]) -> Iterator[Engine]:
    # the path of a socket may not be long
    folder = Path(tempfile.mkdtemp(prefix="tabi-engine-"))
    address = f"unix://{folder}/docker.sock"
    places = [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["dockerd", "--host", address, *places], stdout=log, stderr=log)
    found = Engine({**environ, "DOCKER_HOST": address})
    try:
        end = time.monotonic() + START_LIMIT_S
        while found.run("version").returncode:
            if process.poll() is not None or time.monotonic() > end:
                give_up(f"dockerd did not start: {(folder / 'log').read_text()[-1000:]}")
            time.sleep(0.3)
        yield found
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _have_base(engine: Engine, name: str) -> None:
    """The base image: here already, from its registry, or a stand-in."""
    if engine.run("image", "inspect", name).returncode == 0:
        return
    try:
        pulled = engine.run("pull", "--quiet", name, limit_s=PULL_LIMIT_S).returncode == 0
    except subprocess.TimeoutExpired:
        pulled = False
    if not pulled:
        make_stand_in(engine, name)


def make_stand_in(engine: Engine, name: str) -> None:
    """Debian with its Python, laid out as our Dockerfiles expect it."""
    if shutil.which("mmdebstrap") is None:
        give_up(f"{name} cannot be pulled, and there is no mmdebstrap to make a stand-in")
    with tempfile.TemporaryDirectory() as folder:
        hook, archive = Path(folder, "hook"), Path(folder, "base.tar")
        hook.write_text(HOOK, encoding="utf-8")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
        command += ["--include=ca-certificates,tzdata,python3,python3-pip", f'--customize-hook=sh {hook} "$1"']
        done = subprocess.run(
            [*command, "bookworm", str(archive)], capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False
        )
        if done.returncode:
            give_up(f"no stand-in for {name} can be made: {done.stderr[-1000:]}")
        engine.must("import", "--change", "ENV LANG=C.UTF-8", "--change", 'CMD ["python3"]', str(archive), name)


def _install() -> None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *command], capture_output=True, timeout=INSTALL_LIMIT_S, check=False)


def server_image(engine: Engine) -> str:
    """The id of the server's image, made by the command that a person types."""
    tag = "tabi-test:system"
    done = subprocess.run(
        ["make", "docker-build", f"IMAGE={tag}"],
        cwd=REPOSITORY,
        env=engine.environ,
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return str(engine.inspect(tag)["Id"])
