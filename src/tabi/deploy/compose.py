"""The target `compose`: the server of infra/compose/compose.yaml, on the engine of this machine.

A second container of the service is started beside the first one. Both are in the network of the service `gate`, which
has the port, so the second takes the port over from the first (`serving/handover.py`) and no request is lost. The first
one ends once the smoke test has passed.

A revision is a digest of the image and the variables of the server; it is a label of its container. What each revision
is made of lies below <home>/deployed/compose-<environment>.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import msgspec

from tabi.deploy.docker import Docker
from tabi.deploy.local import last_line, serving_line
from tabi.deploy.notes import Notes
from tabi.deploy.smoke import ask_of
from tabi.deploy.target import Applied, Kind, Plan, Tell
from tabi.errors import ConfigError, DeployError, NotFoundError
from tabi.workspace import Workspace

SERVER, GATE, LABEL = "server", "gate", "tabi.revision"
START_SECONDS = 120.0
LOOK_SECONDS = 0.1
TOLD = ("TABI_MODELS", "TABI_REQUIRE", "TABI_STORE_FOLDER", "TABI_PORT", "TABI_CPUS", "TABI_LOG_DRIVER")


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a server's container is made of. `image`: by digest, or its id."""

    image: str
    variables: dict[str, str]

    @property
    def id(self) -> str:
        """The same for the same image and variables."""
        return f"compose-{hashlib.sha256(msgspec.json.encode(self, order='deterministic')).hexdigest()[:12]}"


class Kept(msgspec.Struct, frozen=True):
    """The container that passed its smoke test."""

    container: str


@dataclass(frozen=True)
class Container:
    """A container of the server, as it was when it was looked at. Two looks at one are equal."""

    id: str
    created: str = field(compare=False)
    revision: str = field(compare=False)
    image: str = field(compare=False)
    running: bool = field(compare=False)
    exit_code: int = field(compare=False)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what the engine knows of it."""
        state, told = found["State"], found["Config"]
        return cls(
            found["Id"],
            found["Created"],
            told["Labels"].get(LABEL) or f"compose-{found['Image'].removeprefix('sha256:')[:12]}-by-hand",
            told["Image"],
            state["Running"] and not state["Restarting"],
            state["ExitCode"],
        )


class Compose:
    """The server of one compose project. It may serve several models."""

    kind: Kind = "compose"

    def __init__(self, workspace: Workspace, name: str, environment: str, environ: Mapping[str, str]) -> None:
        self._name = name
        self._notes = Notes(workspace.deployed / f"compose-{environment}")
        named = environ.get("TABI_COMPOSE_FILES") or str(workspace.root / "infra" / "compose" / "compose.yaml")
        self._files = [Path(each) for each in named.split(os.pathsep)]
        project = environ.get("COMPOSE_PROJECT_NAME") or ("tabi" if environment == "dev" else f"tabi-{environment}")
        told = {each: environ[each] for each in TOLD if environ.get(each)}
        self._variables = {"TABI_STORE_FOLDER": str(workspace.store), "TABI_MODELS": name, **told}
        # compose reads the whole file, whatever is asked of it
        every = {"TABI_IMAGE": "none", "TABI_TRAIN_IMAGE": "none"}
        self._docker = Docker({**every, **environ, **self._variables}, self._files, project)

    def check(self, plan: Plan) -> None:
        """Whether there is a file of compose, the model is among those that it serves, and the image can be had."""
        missing = [str(file) for file in self._files if not file.is_file()]
        if missing:
            raise ConfigError(f"there is no {missing[0]}: deploy from the repository, or name it by TABI_COMPOSE_FILES")
        if self._name not in self._variables["TABI_MODELS"].split():
            raise ConfigError(f"TABI_MODELS does not name {self._name}: the server would not serve it")
        if plan.image:
            self._fetch(plan.image)
        elif self.current() is None:
            raise ConfigError("no server runs whose image could be kept: name one with --image REPOSITORY@sha256:…")

    def current(self) -> Applied | None:
        """The container that answers; of several the one that was kept."""
        found = self._kept(self._containers())
        return None if found is None else self._applied(found)

    def apply(self, plan: Plan, tell: Tell) -> Applied:
        """Start a container, beside the one that runs if there is one."""
        now = self._kept(self._containers())
        wanted = Revision(image=plan.image or (now.image if now else ""), variables=self._variables)
        self._notes.write(f"revisions/{wanted.id}", wanted)
        if now is not None and self._notes.read(f"revisions/{now.revision}", Revision) is None:
            # one that `make up-compose` started can be returned to as well
            self._notes.write(f"revisions/{now.revision}", Revision(image=now.image, variables=self._variables))
        return self._start(wanted, wanted.id, tell)

    def wait(self, applied: Applied, tell: Tell) -> None:
        """It has answered when it was started; whether it still does."""
        tell(f"{applied.revision} is {ask_of(applied)('/readyz')['status']} at {applied.address}")

    def keep(self, applied: Applied, tell: Tell) -> None:
        """Every other container of the service is asked to end; it answers first what it was asked."""
        every = self._containers()
        (chosen,) = [each for each in every if each.running and each.revision == applied.revision][:1]
        self._notes.write("kept", Kept(chosen.id))
        self._remove([each for each in every if each != chosen], tell)

    def back(self, revision: str, tell: Tell) -> Applied | None:
        """Run a revision again; empty: end all."""
        if not revision:
            self._docker.compose("rm", "--stop", "--force", SERVER, GATE)
            self._notes.drop("kept")
            return None
        applied = self._start(self._notes.known(f"revisions/{revision}", Revision), revision, tell)
        self.keep(applied, tell)
        # by now it has the address alone
        return replace(applied, probe=None)

    def _start(self, wanted: Revision, revision: str, tell: Tell) -> Applied:
        """The container that runs, if it is this revision; else a new one, once it answers."""
        every = self._containers()
        now = self._kept(every)
        # what was tried and not kept, by this command or by one that was killed
        self._remove([each for each in every if each != now], tell)
        if now is not None and now.revision == revision:
            tell(f"{revision} runs already, and follows the store")
            return self._applied(now)
        up = ["up", "--detach", "--no-recreate", "--scale", f"{SERVER}={1 if now is None else 2}"]
        told = {**wanted.variables, "TABI_IMAGE": wanted.image, "TABI_REVISION": revision}
        self._docker.compose(*up, *([] if now is None else ["--no-deps"]), SERVER, variables=told)
        (made,) = [each for each in self._containers() if each != now]
        tell(f"{revision} is started as container {made.id[:12]}")
        return self._applied(made, self._answering(made))

    def _answering(self, made: Container) -> str:
        """Where a container that was started is asked by operators, once it answers."""
        until = monotonic() + START_SECONDS
        while (found := serving_line(self._docker.said(made.id))) is None:
            now = next((each for each in self._containers() if each == made), made)
            # started again a few times; between two of them its exit code is known
            if not now.running:
                said = last_line(self._docker.said(made.id))
                raise DeployError(f"the server ended with exit code {now.exit_code}: {said}")
            if monotonic() > until:
                raise DeployError(f"the server does not answer after {START_SECONDS:.0f} s: docker logs {made.id[:12]}")
            sleep(LOOK_SECONDS)
        return found[1]

    def _applied(self, container: Container, operators: str = "") -> Applied:
        probe = self._docker.asker(container.id, operators) if operators else None
        return Applied(container.revision, container.image, self._address(), probe)

    def _address(self) -> str:
        (gate,) = self._docker.containers(GATE)[:1] or [{}]
        published = (gate.get("NetworkSettings", {}).get("Ports", {}).get("8000/tcp") or [None])[0]
        return f"http://{published['HostIp']}:{published['HostPort']}" if published else "no port"

    def _containers(self) -> list[Container]:
        """The containers of the server, the oldest first."""
        return sorted(map(Container.of, self._docker.containers(SERVER)), key=lambda each: each.created)

    def _kept(self, every: Sequence[Container]) -> Container | None:
        running = [each for each in every if each.running]
        kept = self._notes.read("kept", Kept)
        return next((each for each in running if kept and each.id == kept.container), next(iter(running), None))

    def _remove(self, containers: Sequence[Container], tell: Tell) -> None:
        if containers:
            tell(f"{', '.join(each.revision for each in containers)} is asked to end")
            self._docker.run("stop", *(each.id for each in containers))
            self._docker.run("rm", "--force", "--volumes", *(each.id for each in containers))

    def _fetch(self, image: str) -> None:
        try:
            self._docker.run("image", "inspect", image)
        except DeployError:
            try:
                self._docker.run("pull", "--quiet", image)
            except DeployError as error:
                raise NotFoundError(f"the image {image} is not here and cannot be fetched ({error})") from None


def open_target(workspace: Workspace, name: str, environment: str) -> Compose:
    """The server of compose."""
    return Compose(workspace, name, environment, os.environ)
