"""Failures of a deployment on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

from benchmarks.deploy import COMPOSE
from benchmarks.incidents.scene import Found, Scene, until


def start_78(scene: Scene) -> Found:
    """A server is started where no store is."""
    empty = scene.root / "empty"
    empty.mkdir()
    ended = scene.ends(78, "serve", scene.name, TABI_STORE=str(empty)).seconds
    began = time.perf_counter()
    with scene.begin("serve", scene.name) as process:
        until(lambda: scene.ready() == "ready", "a server")
        mended = time.perf_counter() - began
        process.terminate()
        process.communicate()
    made = "`tabi serve` with an empty folder as its store"
    return Found("start-78", made, "exit code 78", ended, "the same command with the right store, to ready", mended)


def not_healthy(scene: Scene) -> Found:
    """A server that was started is stopped by a signal, and never says anything."""
    with scene.deployed():
        began = time.perf_counter()
        _stopped(scene, signal.SIGSTOP)
        seen = time.perf_counter() - began
        mended = scene.tabi("deploy", scene.name, TABI_REQUIRE="any").seconds
    made = "the new server is stopped by SIGSTOP while it starts"
    return Found("not-healthy", made, "`tabi deploy` fails, and has gone back", seen, "`tabi deploy` again", mended)


def _stopped(scene: Scene, sign: signal.Signals) -> None:
    with scene.begin("deploy", scene.name, TABI_REQUIRE="any") as process:
        for line in process.stderr or ():
            if "is started as process" in line:
                pid = int(line.split("is started as process ")[1].split(",")[0])
                os.kill(pid, sign)
                break
        _, said = process.communicate(timeout=300)
    if process.returncode != 1 or "does not answer after" not in said:
        raise SystemExit(f"tabi deploy ended with {process.returncode}: {said}")


def smoke_test_failed(scene: Scene) -> Found:
    """A version whose graph is none is deployed."""
    number = scene.release(b"no graph")
    with scene.deployed():
        failed = scene.ends(1, "deploy", scene.name, "--version", str(number))
        if "is not loaded by the server" not in failed.err:
            raise SystemExit(failed.err)
        mended = scene.tabi("deploy", scene.name, "--version", "2").seconds
    made = "a version whose graph cannot be loaded is deployed"
    seen = "`tabi deploy` fails, and model and server are back"
    return Found("smoke-test-failed", made, seen, failed.seconds, "`tabi deploy` of a sound version", mended)


def deployment_cut(scene: Scene) -> Found:
    """A deployment is killed midway."""
    with scene.deployed():
        with scene.begin("deploy", scene.name, TABI_REQUIRE="any") as process:
            any("is started as process" in line for line in process.stderr or ())
            process.kill()
        shown = scene.tabi("deployments", scene.name)
        if "begun" not in shown.out:
            raise SystemExit(shown.out)
        again = scene.tabi("deploy", scene.name, TABI_REQUIRE="any")
    made = "`tabi deploy` is killed once its server is started"
    return Found(
        "deployment-cut", made, "`tabi deployments` shows `begun`", shown.seconds, "`tabi deploy` again", again.seconds
    )


def nothing_before(scene: Scene) -> Found:
    """The first deployment is to be rolled back."""
    with scene.deployed():
        refused = scene.ends(2, "rollback", scene.name, "--target", "local", "--reason", "worse", "--image-only")
        mended = scene.tabi("deploy", scene.name, "--version", "2").seconds
    made = "`tabi rollback` where one revision was all that ever ran"
    seen = "the command ends with 2"
    return Found("nothing-before", made, seen, refused.seconds, "`tabi deploy --version N`", mended)


def port_taken(scene: Scene) -> Found:
    """Another program has the port."""
    with socket.create_server(("127.0.0.1", scene.port)):
        failed = scene.ends(1, "deploy", scene.name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = free.getsockname()[1]
        mended = scene.tabi("deploy", scene.name, TABI_PORT=str(other)).seconds
    scene.tabi("deploy", scene.name, "--stop")
    made = "another program listens on the port"
    return Found(
        "port-taken", made, "`tabi deploy` fails", failed.seconds, "`tabi deploy` with another `TABI_PORT`", mended
    )


def server_down(scene: Scene) -> Found:
    """The server's process is killed."""
    with scene.deployed():
        began = time.perf_counter()
        os.kill(scene.running, signal.SIGKILL)
        until(lambda: scene.predict()[0] == 0, "silence")
        seen = time.perf_counter() - began
        began = time.perf_counter()
        scene.tabi("deploy", scene.name)
        until(lambda: scene.predict()[0] == 200, "an answer")
        mended = time.perf_counter() - began
    made = "the server's process gets SIGKILL"
    return Found("server-down", made, "nobody answers", seen, "`tabi deploy` again, to the first answer", mended)


def image_not_found(scene: Scene) -> Found:
    """An image is named that nobody has."""
    absent = f"localhost:9/tabi@sha256:{'0' * 64}"
    to = ("deploy", scene.name, "--target", "compose", "--image")
    told = {"TABI_COMPOSE_FILES": str(COMPOSE), "COMPOSE_PROJECT_NAME": "tabi-incidents"}
    refused = scene.ends(2, *to, absent, **told)
    try:
        mended = scene.tabi(*to, scene.image, **told).seconds
    finally:
        scene.tabi("deploy", scene.name, "--target", "compose", "--stop", **told)
    made = "`tabi deploy --target compose` with a digest that no registry has"
    return Found(
        "image-not-found", made, "refused, exit code 2", refused.seconds, "the same with an image that is there", mended
    )


def out_of_memory(scene: Scene) -> Found:
    """A container has less memory than its server needs."""

    def docker(*arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"docker {arguments[0]}: {done.stderr}")
        return done.stdout.strip()

    def run(memory: str) -> str:
        at = ("--publish", f"127.0.0.1:{scene.port}:8000", "--volume", f"{scene.home.workspace.store}:/app/store:ro")
        bounds = ("--memory", memory, "--memory-swap", memory)
        return docker("run", "--detach", *bounds, *at, scene.image, "serve", scene.name, "--host", "0.0.0.0")  # noqa: S104

    began, form = time.perf_counter(), "{{.State.OOMKilled}} {{.State.ExitCode}}"
    small = run("32m")
    ended = docker("wait", small)
    seen = time.perf_counter() - began
    told = docker("inspect", "--format", form, small)
    docker("rm", "--force", "--volumes", small)
    if ended != "137":
        raise SystemExit(f"a container with 32 MB ended with {ended}: {told}")
    began = time.perf_counter()
    large = run("512m")
    try:
        until(lambda: scene.ready() == "ready", "a server")
        mended = time.perf_counter() - began
    finally:
        docker("rm", "--force", "--volumes", large)
    made = f"a container with 32 MB of memory (`OOMKilled, ExitCode`: {told})"
    return Found("out-of-memory", made, "exit code 137", seen, "`docker run` with 512 MB, to ready", mended)


INCIDENTS = {
    "start-78": start_78,
    "not-healthy": not_healthy,
    "smoke-test-failed": smoke_test_failed,
    "deployment-cut": deployment_cut,
    "nothing-before": nothing_before,
    "port-taken": port_taken,
    "server-down": server_down,
}
# these need an engine and an image
IN_CONTAINERS = {"image-not-found": image_not_found, "out-of-memory": out_of_memory}
