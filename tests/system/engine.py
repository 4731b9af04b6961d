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
from tests.system.debian import install_in_ci

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("docker.io", "docker-buildx", "docker-compose", "mmdebstrap")
# of a newer Debian, where this one's builder and compose are too old; they ask for no newer library
NEWER, NEWER_RELEASE = ("docker.io", "docker-cli", "docker-buildx", "docker-compose"), "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
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
    install_in_ci(*PACKAGES)
    if os.geteuid() != 0 or not (shutil.which("docker") and shutil.which("dockerd")):
        give_up(f"no container engine answers, and none can be started: apt-get install {' '.join(PACKAGES)}, as root")
    with tempfile.TemporaryDirectory(prefix="tabi-newer-") as folder:
        if os.environ.get("CI") and not _is_new_enough(found):
            environ = _with_newer(environ, Path(folder))
        with _started(environ) as started:
            yield started


def _is_new_enough(engine: Engine) -> bool:
    """Whether the command has its plugins; the stages of our Dockerfile need the builder, and compose is one."""
    return all(engine.run(plugin, "version").returncode == 0 for plugin in ("buildx", "compose"))


def _with_newer(environ: dict[str, str], folder: Path) -> dict[str, str]:
    """The variables of a newer engine, unpacked beside the installed one, whose containerd and runc it uses."""
    root, lists = folder / "root", folder / "lists"
    for each in (root, lists / "partial", folder / "archives" / "partial", folder / "plugins" / "cli-plugins"):
        each.mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror()} {NEWER_RELEASE} main\n", encoding="utf-8")
    apt = ["apt-get", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    apt += ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={folder}", "-o", "APT::Sandbox::User=root"]
    for command in ([*apt, "update"], [*apt, "download", *(f"{name}/{NEWER_RELEASE}" for name in NEWER)]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        if done.returncode:
            give_up(f"no newer container engine can be had: {done.stderr[-500:]}")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=INSTALL_LIMIT_S)
    for plugin in (root / "usr/libexec/docker/cli-plugins").iterdir():
        (folder / "plugins" / "cli-plugins" / plugin.name).symlink_to(plugin)
    path = f"{root}/usr/sbin:{root}/usr/bin:{environ['PATH']}"
    return {**environ, "PATH": path, "DOCKER_CONFIG": str(folder / "plugins")}


def _mirror() -> str:
    """Where this machine gets its packages from."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if not said:
        give_up("no newer container engine can be had: apt does not say where its packages come from")
    return said[0]


@contextmanager
def _started(environ: dict[str, str]) -> Iterator[Engine]:
    # the path of a socket may not be long
    folder = Path(tempfile.mkdtemp(prefix="tabi-engine-"))
    address = f"unix://{folder}/docker.sock"
    places = [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
    with (folder / "log").open("wb") as log:
        dockerd = shutil.which("dockerd", path=environ["PATH"]) or "dockerd"
        process = subprocess.Popen([dockerd, "--host", address, *places], env=environ, stdout=log, stderr=log)
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
