"""The commands of a container engine, by `docker`: one line of an error, and never a variable's value."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabi.deploy.smoke import refused
from tabi.deploy.target import Ask
from tabi.errors import ConfigError, DeployError

LIMIT_S = 300.0
# runs in a container, where there is Python and no other program that could ask
ASK = """
import sys, urllib.request as web
request = web.Request(sys.argv[1], sys.stdin.buffer.read() or None, {"content-type": "application/json"})
try:
    answer = web.urlopen(request, timeout=10)
except web.HTTPError as error:
    answer = error
sys.stdout.buffer.write(b"%d\\n" % answer.status + answer.read())
"""


class Docker:
    """`docker` with the variables of a deployment. `files`: of compose, `project`: its name."""

    def __init__(self, environ: Mapping[str, str], files: Sequence[Path], project: str) -> None:
        self._environ = environ
        self._project = project
        self._compose = [*(word for file in files for word in ("--file", str(file))), "--project-name", project]

    def run(self, *arguments: str, send: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """Its output; `DeployError` with its last line where it fails."""
        try:
            done = subprocess.run(
                ["docker", *arguments],
                input=send,
                env={**self._environ, **(variables or {})},
                capture_output=True,
                timeout=LIMIT_S,
                check=False,
            )
        except FileNotFoundError:
            raise ConfigError("there is no docker command: install an engine, or deploy with --target local") from None
        except subprocess.TimeoutExpired:
            raise DeployError(f"docker {arguments[0]} did not end within {LIMIT_S:.0f} s: look at the engine") from None
        if done.returncode:
            said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
            raise DeployError(f"docker {arguments[0]} failed: {said[-1][:400] if said else done.returncode}")
        return done.stdout

    def compose(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """The output of `docker compose …`."""
        return self.run("compose", *self._compose, *arguments, variables=variables).decode()

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What is known of the containers of a service of compose, of those that ended too."""
        labels = {"project": self._project, "service": service}
        filters = [f"--filter=label=com.docker.compose.{key}={text}" for key, text in labels.items()]
        listed = self.run("ps", "--all", "--quiet", "--no-trunc", *filters).decode().split()
        found: list[dict[str, Any]] = json.loads(self.run("container", "inspect", *listed)) if listed else []
        return found

    def said(self, container: str) -> str:
        """What a container wrote, to stdout and then to stderr."""
        done = subprocess.run(
            ["docker", "logs", container], env=dict(self._environ), capture_output=True, timeout=LIMIT_S, check=False
        )
        return (done.stdout + done.stderr).decode(errors="replace")

    def asker(self, container: str, address: str) -> Ask:
        """Asks a server from within its container, where it alone has the address."""

        def ask(path: str, body: Mapping[str, Any] | None = None) -> Any:
            send = b"" if body is None else json.dumps(body).encode()
            answer = self.run("exec", "--interactive", container, "python", "-c", ASK, address + path, send=send)
            status, _, content = answer.partition(b"\n")
            if status != b"200":
                raise refused(path, int(status), content)
            return json.loads(content)

        return ask
