"""Training several projects one after the other, each in a process of its own, with one log that loses nothing.

Output goes straight from each child into the log file, and from there to the terminal. So a terminal that goes away
takes nothing with it. What `tabi check` and `tabi report` read are evidence records, not this log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from tabi import evidence
from tabi.errors import TabiError, TrainingError, outcome_of
from tabi.evidence.records import Verdict
from tabi.project import ProjectConfig, load_config
from tabi.training.child import TRAINED_BY
from tabi.training.job import result_line, train
from tabi.training.processes import start_of
from tabi.training.progress import Both, PlainReporter, Stream, Terminal, reporting
from tabi.training.sweep import Item, plain_items, sweep_items
from tabi.workspace import Workspace

TIME_LIMIT_S = 12 * 3600.0
# between asking a child to stop and ending it
GRACE_S = 30.0
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Limits:
    """Seconds that one name may take, and that it has to stop in when asked."""

    time_s: float = TIME_LIMIT_S
    grace_s: float = GRACE_S


NO_HURRY = Limits()


def run_batch(
    workspace: Workspace,
    names: Sequence[str],
    overrides: Sequence[str] = (),
    limits: Limits = NO_HURRY,
    stream: Stream | None = None,
    *,
    sweep: bool = False,
    trained_by: str = "",
) -> int:
    """Train each project in turn, in a `sweep` with every combination of overrides; 0 if all went well, else 1.

    A name that fails does not stop the others. A single name is trained in this process, with a live bar if `stream`
    (default: standard output) is a terminal, and leaves the same log and records; its configuration is read first,
    so what is wrong with it is raised before anything begins. So are those of a sweep. `trained_by` is kept with runs.
    """
    items = sweep_items(names, overrides) if sweep else plain_items(names, overrides)
    configs = [load_config(workspace, i.name, i.overrides) for i in items] if sweep or len(items) == 1 else []
    config = configs[0] if len(items) == 1 else None
    with _hangup_ignored(), _open_log(workspace.logs) as log:
        batch = _Batch(workspace, log, Terminal(stream or sys.stdout), trained_by, follows=config is None)
        batch.begin([item.label for item in items])
        passed = True
        for item in items:
            passed &= batch.item(item, limits) if config is None else batch.item_here(config, limits)
        batch.end(passed)
    return 0 if passed else 1


class _Batch:
    """One batch: its log, its records, and the terminal, which shows the log if it `follows` it."""

    def __init__(
        self, workspace: Workspace, log: TextIO, terminal: Terminal, trained_by: str, *, follows: bool
    ) -> None:
        self._trained_by = trained_by
        self._workspace, self._log, self._terminal, self._follows = workspace, log, terminal, follows
        self._id = Path(log.name).name
        self._shown = 0

    def begin(self, names: Sequence[str]) -> None:
        """Record which names are to come, and which process works on them."""
        pid = os.getpid()
        self._line(f"=== START {_moment()} pid={pid} ===")
        self._record("batch", self._id, "begun", names=list(names), pid=pid, started=start_of(pid))

    def end(self, passed: bool) -> None:
        """Record that the batch came to its end."""
        self._line(f"=== END {_moment()} ===")
        self._record("batch", self._id, "pass" if passed else "fail")

    def item(self, item: Item, limits: Limits) -> bool:
        """Train `item` in a process of its own."""
        name = item.label
        self._item_begins(name)
        command = [sys.executable, "-m", "tabi.training.child", str(os.getpid()), item.name, *item.overrides]
        environment = {
            **os.environ,
            **self._workspace_variables(),
            TRAINED_BY: self._trained_by,
            "PYTHONUNBUFFERED": "1",
        }
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        try:
            reason = self._wait(child, limits)
        except BaseException:
            _stop(child, limits.grace_s)
            self._item_ends(name, child.returncode, "interrupted")
            raise
        return self._item_ends(name, child.returncode, reason)

    def item_here(self, config: ProjectConfig, limits: Limits) -> bool:
        """Train in this process, telling the terminal live and the log in plain lines."""
        self._item_begins(config.name)
        code, reason = 0, ""
        try:
            with _alarm(limits.time_s), reporting(self._terminal) as live:
                run = train(self._workspace, config, Both(PlainReporter(self._log), live), self._trained_by)
        except TabiError as error:
            code, reason = outcome_of(error).exit_code, str(error)
            self._say(f"tabi: {error}")
        except BaseException as error:
            self._item_ends(config.name, 1, "interrupted" if isinstance(error, KeyboardInterrupt) else "internal error")
            raise
        else:
            self._say(result_line(run))
        return self._item_ends(config.name, code, reason)

    def _item_begins(self, name: str) -> None:
        self._line(f"--- DS={name} begin {_moment()} ---")
        self._record("batch-item", name, "begun", batch=self._id)

    def _item_ends(self, name: str, code: int, reason: str) -> bool:
        passed = code == 0 and not reason
        self._line(f"--- DS={name} {'OK' if passed else 'FAIL'} rc={code} {_moment()} ---")
        outcome: Verdict = "pass" if passed else "fail"
        self._record("batch-item", name, outcome, batch=self._id, rc=code, reason=reason)
        return passed

    def _wait(self, child: subprocess.Popen[bytes], limits: Limits) -> str:
        """Follow the log until the child has ended; the reason if it failed."""
        deadline = time.monotonic() + limits.time_s
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(LOOK_EVERY_S)
                break
            self._follow()
            if time.monotonic() > deadline:
                _stop(child, limits.grace_s)
                return f"the time limit of {limits.time_s:g} s"
        self._follow()
        if child.returncode < 0:
            return f"killed by {signal.Signals(-child.returncode).name}"
        return f"exit code {child.returncode}" if child.returncode else ""

    def _line(self, text: str) -> None:
        self._log.write(text + "\n")
        self._log.flush()
        self._follow()

    def _say(self, text: str) -> None:
        """A line for the log and for a terminal that does not follow it."""
        self._line(text)
        self._terminal.write(text + "\n")
        self._terminal.flush()

    def _follow(self) -> None:
        """Show on the terminal what the log gained."""
        if not self._follows:
            return
        with Path(self._log.name).open("rb") as log:
            log.seek(self._shown)
            text = log.read()
        self._shown += len(text)
        self._terminal.write(text.decode("utf-8", "replace"))
        self._terminal.flush()

    def _record(self, kind: str, subject: str, verdict: Verdict, **figures: Any) -> None:
        record = evidence.Record(kind=kind, subject=subject, verdict=verdict, figures=figures)
        evidence.append(self._workspace.evidence, record)

    def _workspace_variables(self) -> dict[str, str]:
        """The variables by which a child finds the same workspace."""
        return {
            "TABI_HOME": str(self._workspace.root),
            "TABI_STORE": str(self._workspace.models),
            "TABI_TRACKING_URI": self._workspace.tracking_uri,
            "TABI_DATA_CACHE": str(self._workspace.data_cache),
            "TABI_EVIDENCE": str(self._workspace.evidence),
        }


def _moment() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


@contextmanager
def _open_log(folder: Path) -> Iterator[TextIO]:
    """A new log that is appended to, with `latest.log` pointing at it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / f"train-{datetime.now().astimezone():%Y%m%d_%H%M%S}.log"
        try:
            path.touch(exist_ok=False)
            break
        except FileExistsError:  # another batch began in this second
            time.sleep(LOOK_EVERY_S)
    pointer = folder / f".latest-{os.getpid()}"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(path.name)
    pointer.replace(folder / "latest.log")
    with path.open("a", encoding="utf-8") as log:
        yield log


@contextmanager
def _hangup_ignored() -> Iterator[None]:
    """A terminal that closes does not end the batch."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set a handler
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """`TrainingError` in the main thread once the time is up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    rang = False

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal rang
        rang = True
        raise TrainingError(f"the time limit of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Exception as error:
        if rang:  # whatever was made of the error on its way, such as a library's own
            raise TrainingError(f"the time limit of {seconds:g} s") from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _stop(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask the child and all that it started to stop, and end them if they have not after `grace_s`."""
    for number, patience in ((signal.SIGINT, grace_s), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
