"""The target `local`: a `tabi serve` of its own on this machine, detached from who started it.

Its revision is a digest of what it was started with: which Python and Tabi, and the TABI_ variables of a server. Where
only the model changes nothing is started: the server follows the store. Otherwise a second server is started beside the
first, takes the port over from it (`serving/handover.py`), and the first one ends once the smoke test has passed.

<home>/deployed/local-<environment>-<name>/
    revisions/<revision>.json   what each revision is started with
    running.json                the server that answers, `candidate.json` the one that is being tried
    <revision>.log              what it says
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep

import msgspec

from tabi import __version__
from tabi.deploy import process
from tabi.deploy.notes import Notes
from tabi.deploy.process import Process
from tabi.deploy.smoke import ask_of, asker
from tabi.deploy.target import Applied, Kind, Plan, Tell
from tabi.errors import ConfigError, DeployError
from tabi.workspace import Workspace

START_SECONDS = 120.0
END_SECONDS = 30.0
LOOK_SECONDS = 0.02
# what a server is told by; what is secret, or of who deploys alone, is not kept in a file
TOLD = (
    *("TABI_HOST", "TABI_PORT", "TABI_WORKERS", "TABI_GRPC_PORT", "TABI_TOKENS", "TABI_METRICS", "TABI_ACCESS_LOG"),
    *("TABI_ORIGINS", "TABI_LIMITS", "TABI_REQUIRE", "TABI_FEEDBACK", "TABI_LOG", "TABI_LOG_BYTES", "TABI_LOG_DAYS"),
    *("TABI_LOG_GZIP", "TABI_LOG_INPUTS", "TABI_LOG_KEY", "TABI_LOG_READY", "TABI_STORE", "TABI_PREDICTIONS"),
    *("TABI_EVIDENCE", "TABI_CACHE", "TABI_FETCH_SECONDS", "TABI_VERIFY_KEY", "TABI_VERIFY", "TABI_FLAGS"),
    *("TABI_OTLP_ENDPOINT", "TABI_TRACE_RATIO", "PYTHONPATH"),
)
_SERVING = re.compile(r"^serving .* on (http://\S+) \(.*operators: (http://[^)\s]+)\)", re.MULTILINE)


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is started with."""

    name: str
    python: str
    tabi: str
    variables: dict[str, str]

    @property
    def id(self) -> str:
        """The same for the same settings."""
        return f"local-{hashlib.sha256(msgspec.json.encode(self, order='deterministic')).hexdigest()[:12]}"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """A server that was started. `address`: that clients ask; `probe`: where it alone is asked. Empty until it says."""

    revision: str
    pid: int
    started: int
    address: str = ""
    probe: str = ""

    @property
    def process(self) -> Process:
        """Its process."""
        return Process(self.pid, self.started)

    @property
    def applied(self) -> Applied:
        """As the protocol has it."""
        return Applied(self.revision, "", self.address, asker(self.probe) if self.probe else None)


class Local:
    """One model's server on this machine."""

    kind: Kind = "local"

    def __init__(self, workspace: Workspace, name: str, environment: str, environ: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._name = name
        self._environ = environ
        self._notes = Notes(workspace.deployed / f"local-{environment}-{name}")

    def check(self, plan: Plan) -> None:
        """There is no image here."""
        if plan.image:
            raise ConfigError("--target local runs the Tabi that is installed here, and no image: leave --image out")

    def current(self) -> Applied | None:
        """The server that answers."""
        running = self._notes.read("running", Serving)
        return running.applied if running is not None and running.process.alive else None

    def apply(self, plan: Plan, tell: Tell) -> Applied:
        """Start a server where none runs, or another beside one that runs with other settings."""
        wanted = self._wanted(plan.name)
        self._notes.write(f"revisions/{wanted.id}", wanted)
        return self._start(wanted, tell)

    def wait(self, applied: Applied, tell: Tell) -> None:
        """It has answered when it was started; whether it still does."""
        found = ask_of(applied)("/readyz")
        tell(f"{applied.revision} is {found['status']} at {applied.address}")

    def keep(self, applied: Applied, tell: Tell) -> None:
        """The candidate is what runs, and the server before is asked to end; it answers first what it was asked."""
        candidate, before = self._notes.read("candidate", Serving), self._notes.read("running", Serving)
        if candidate is None or candidate.revision != applied.revision:
            return
        self._notes.write("running", candidate)
        self._notes.drop("candidate")
        if before is not None and before.process.alive:
            before.process.end()
            tell(f"{before.revision} was asked to end")

    def back(self, revision: str, tell: Tell) -> Applied | None:
        """Run a revision again; empty: end all."""
        self._drop_candidate()
        running = self._notes.read("running", Serving)
        if not revision:
            if running is not None:
                running.process.kill(END_SECONDS)
                self._notes.drop("running")
            return None
        if running is not None and running.revision == revision and running.process.alive:
            return running.applied
        known = self._notes.known(f"revisions/{revision}", Revision)
        applied = self._start(known, tell)
        self.keep(applied, tell)
        return applied

    def _wanted(self, name: str) -> Revision:
        told = {each: self._environ[each] for each in TOLD if self._environ.get(each)}
        return Revision(name=name, python=sys.executable, tabi=__version__, variables=told)

    def _start(self, wanted: Revision, tell: Tell) -> Applied:
        """The server that runs, if it is this revision; else a new one, once it answers."""
        self._drop_candidate()
        running = self._notes.read("running", Serving)
        if running is not None and running.revision == wanted.id and running.process.alive:
            tell(f"{wanted.id} runs already, and follows the store")
            return running.applied
        if not Path(wanted.python).exists():
            raise DeployError(f"{wanted.id} needs {wanted.python}, which is gone: install that Tabi there again")
        log = self._notes.folder / f"{wanted.id}.log"
        rest = {each: text for each, text in self._environ.items() if each not in TOLD}
        environ = {**rest, "TABI_HOME": str(self._workspace.root), "TABI_ADMIN_PORT": "0", **wanted.variables}
        command = [wanted.python, "-P", "-m", "tabi", "serve", wanted.name, "--handover"]
        begun = process.start(command, environ, log)
        candidate = Serving(revision=wanted.id, pid=begun.pid, started=begun.started)
        self._notes.write("candidate", candidate)
        tell(f"{wanted.id} is started as process {begun.pid}, its log is {log}")
        address, probe = _answering(begun, log)
        candidate = msgspec.structs.replace(candidate, address=address, probe=probe)
        self._notes.write("candidate", candidate)
        return candidate.applied

    def _drop_candidate(self) -> None:
        """End what was tried and not kept, by this command or by one that was killed."""
        candidate = self._notes.read("candidate", Serving)
        if candidate is not None:
            candidate.process.kill(END_SECONDS)
            self._notes.drop("candidate")


def open_target(workspace: Workspace, name: str, environment: str) -> Local:
    """The server of a model on this machine."""
    return Local(workspace, name, environment, os.environ)


def serving_line(said: str) -> tuple[str, str] | None:
    """Where a server answers clients and operators, once it says so."""
    found = _SERVING.search(said)
    return (found[1], found[2]) if found else None


def last_line(said: str) -> str:
    """What a server that ended said last."""
    lines = [line.removeprefix("tabi: ") for line in said.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"


def _answering(begun: Process, log: Path) -> tuple[str, str]:
    """Where a server that was started answers, once it says so."""
    until = monotonic() + START_SECONDS
    while True:
        # asked first: what it says last is then in the log
        alive, said = begun.alive, log.read_text(encoding="utf-8", errors="replace")
        if found := serving_line(said):
            return found
        if not alive:
            raise DeployError(f"the server ended before it answered: {last_line(said)}")
        if monotonic() > until:
            raise DeployError(f"the server does not answer after {START_SECONDS:.0f} s: look into {log}")
        sleep(LOOK_SECONDS)
