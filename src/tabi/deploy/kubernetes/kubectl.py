"""kubectl as a program: it knows every way of logging in to a cluster, and reads the team's own file of clusters."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

from tabi.deploy.kubernetes.place import Place
from tabi.deploy.target import Tell
from tabi.errors import ConfigError, DeployError, NotFoundError

Json = dict[str, Any]
ASK_S = 30
_SHOWN = 300
# what kubectl says, and what to do about it
_HINTS = (
    ("must be logged in", "the credentials have expired or are not known; log in to the cluster again"),
    ("Unauthorized", "the credentials have expired or are not known; log in to the cluster again"),
    ("getting credentials", "the program that gets credentials failed; log in to the cluster again"),
    ("forbidden", "the credentials may not do that; ask for the rights in docs/deploy.md"),
    ("connection refused", "nobody answers there; check the context and the network"),
    ("no such host", "nobody answers there; check the context and the network"),
    ("i/o timeout", "nobody answers there; check the context and the network"),
    ("Too Many Requests", "the API server is busy; wait a minute and run the same command again"),
    ("context was not found", "name another context with TABI_KUBE_CONTEXT"),
    ("does not exist", "name another context with TABI_KUBE_CONTEXT"),
)


class Kubectl:
    """Commands in one namespace of one cluster."""

    def __init__(self, place: Place) -> None:
        if shutil.which("kubectl") is None:
            raise ConfigError("there is no kubectl on PATH: install the version of the cluster")
        named = ["--context", place.context] if place.context else []
        self._command = ["kubectl", *named, "--namespace", place.namespace, f"--request-timeout={ASK_S}s"]

    def run(self, what: str, *arguments: str) -> str:
        """What a command prints. `what` is a verb with its object, for the error."""
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, timeout=4 * ASK_S, check=False
        )
        if done.returncode:
            raise failed(what, done.stderr)
        return done.stdout

    def get(self, *arguments: str) -> Json:
        """An object, or a list of objects."""
        found: Json = json.loads(self.run(f"read {arguments[0]}", "get", *arguments, "--output=json"))
        return found

    def follow(self, limit_s: float, tell: Tell, *arguments: str) -> str | None:
        """Tell each line of a command that waits; what it complained of if it failed, else None."""
        # a watch lasts longer than one answer may take
        command = [part for part in self._command if not part.startswith("--request-timeout")]
        with subprocess.Popen(
            [*command, *arguments, f"--timeout={limit_s:.0f}s"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                said = _told(process.stdout or (), tell)
            except BaseException:
                process.kill()
                raise
        return said if process.returncode else None


def failed(what: str, said: str) -> DeployError | NotFoundError:
    """What kubectl complains of, on one line, with what to do about it."""
    text = " ".join(said.split())
    if "(NotFound)" in text:
        return NotFoundError(f"cannot {what}: it is not there; apply infra/kubernetes, or check TABI_KUBE_NAMESPACE")
    hint = next((hint for sign, hint in _HINTS if sign in text), "")
    return DeployError(f"cannot {what}: {hint or text[:_SHOWN]}")


def _told(lines: Iterable[str], tell: Tell) -> str:
    last = ""
    for line in lines:
        last = line.strip() or last
        tell(f"kubectl: {line.strip()}")
    return last
