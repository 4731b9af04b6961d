"""Scorers side by side. Blocks may be done in any order; their parts carry their places."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self, cast

from tabi.errors import DataError, TabiError
from tabi.score.blocks import Block, packed
from tabi.score.messages import Done, Setup, receive, send
from tabi.score.parts import Counts, Parts

if TYPE_CHECKING:
    import pyarrow as pa

    from tabi.bundle import Bundle
    from tabi.score.blocks import Task
    from tabi.score.scorer import Scorer

OnDone = Callable[[Counts], None]
_LOOK_EVERY_S = 0.2
# about what it costs to start a process and load a model in it
START_AFTER_S = 0.5
# what must be left to do for that: the processes start beside the work and take the cores from it. Measured on two
# cores with adult: 500,000 lines of JSON took 5.9 s with threads and 4.6 s with processes, twice as many 10.3 and 6.8;
# rows of Parquet, which hardly hold the interpreter's lock, took as long either way
LEFT_S = 3.0


class Pool(Protocol):
    """Takes blocks and writes their parts."""

    def submit(self, index: int, block: Block, read: float) -> None:
        """Have the block scored; waits while too many are under way. Raises what went wrong with an earlier one.

        `read`: the share of the whole input that lies behind with it.
        """

    def finish(self) -> None:
        """Wait for all; raises what went wrong."""


class Here:
    """Scores in this process, one block after the other. The model is loaded with the first."""

    def __init__(self, bundle: Bundle, parts: Parts, schema: pa.Schema, keys: tuple[str, ...], on_done: OnDone) -> None:
        self._bundle, self._schema, self._keys = bundle, schema, keys
        self._parts, self._on_done = parts, on_done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @cached_property
    def scorer(self) -> Scorer:
        """The loaded model."""
        from tabi.score.scorer import Scorer

        return Scorer(self._bundle, self._schema, self._keys)

    def submit(self, index: int, block: Block, read: float = 0.0) -> None:  # noqa: ARG002 - it is done at once
        """Score it now."""
        scored = self.scorer.score(block)
        try:
            self._on_done(self._parts.write(index, scored))
        except OSError as error:
            raise disk_error(self._parts.place, error.strerror) from error

    def finish(self) -> None:
        """Nothing is left."""


class Threads:
    """Scores in this process, `jobs` blocks side by side: most of the work leaves the interpreter's lock."""

    def __init__(self, jobs: int, here: Here) -> None:
        self._jobs, self._here = jobs, here
        self._threads = ThreadPoolExecutor(jobs, "score")
        self._under_way: deque[Future[None]] = deque()

    def submit(self, index: int, block: Block, read: float = 0.0) -> None:
        """Have it scored, once one of those before it is done."""
        if len(self._under_way) > self._jobs:
            self._under_way.popleft().result()
        # one thread loads the model, not each of them
        self._here.scorer  # noqa: B018
        self._under_way.append(self._threads.submit(self._here.submit, index, block, read))

    def finish(self) -> None:
        """Wait for all."""
        while self._under_way:
            self._under_way.popleft().result()

    def close(self) -> None:
        """Begin no other block."""
        self._threads.shutdown(cancel_futures=True)


class Processes:
    """Scores in `jobs` processes. A thread here feeds each of them, and at most one block more than that waits.

    They take a while to start, so that is done only once there has been as much work as that and more is left, and
    until the first is up, blocks are scored here by threads.
    """

    def __init__(
        self, jobs: int, bundle: Bundle, parts: Parts, schema: pa.Schema, keys: tuple[str, ...], on_done: OnDone
    ) -> None:
        self._jobs, self._parts, self._on_done = jobs, parts, on_done
        self._here = Threads(jobs, Here(bundle, parts, schema, keys, on_done))
        self._up = Event()
        self._first: tuple[float, float] | None = None
        place = (str(bundle.folder), bundle.id, str(parts.folder))
        self._setup = Setup(*place, schema.serialize().to_pybytes(), list(keys))
        self._waiting: Queue[Task | None] = Queue(maxsize=1)
        self._failed = Event()
        self._error: TabiError | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        return self

    def _pays(self, read: float) -> bool:
        """Whether the rest of the input takes longer than starting processes, by the time that the first part took."""
        if self._first is None:
            self._first = (time.monotonic(), read)
        begun, before = self._first
        elapsed, done = time.monotonic() - begun, read - before
        left = elapsed * (1 - read) / done if done > 0 else math.inf
        return elapsed >= START_AFTER_S and left >= LEFT_S

    def _start(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        for _ in range(self._jobs):
            worker = subprocess.Popen(
                [sys.executable, "-m", "tabi.score.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            self._workers.append(worker)
            thread = Thread(target=self._feed, args=(worker,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._failed.set()
        self._here.close()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):
                    cast(BinaryIO, pipe).close()

    def submit(self, index: int, block: Block, read: float) -> None:
        """Queue it, or score it now."""
        self._raise()
        if not self._workers and self._pays(read):
            self._start()
        if self._up.is_set():
            self._put(packed(index, block))
        else:
            self._here.submit(index, block)

    def finish(self) -> None:
        """Let each worker end, and wait. Where none is up by now, all is done, and they are not waited for."""
        self._here.finish()
        if self._up.is_set():
            for _ in self._workers:
                self._put(None)
            for thread in self._threads:
                thread.join()
        self._raise()

    def _put(self, task: Task | None) -> None:
        while True:
            self._raise()
            with suppress(Full):
                self._waiting.put(task, timeout=_LOOK_EVERY_S)
                return

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _feed(self, worker: subprocess.Popen[bytes]) -> None:
        into, out = cast(BinaryIO, worker.stdin), cast(BinaryIO, worker.stdout)
        try:
            send(into, self._setup)
            self._answer(out)
            self._up.set()
            while (task := self._next()) is not None:
                send(into, task)
                self._on_done(self._answer(out).counts)
        except OSError:
            self._fail(
                DataError(f"a scoring process ended by itself{_how(worker)}: call again to go on, or use --jobs 1")
            )
        except TabiError as error:
            self._fail(error)

    def _answer(self, out: BinaryIO) -> Done:
        done = receive(out, Done)
        if done is None:
            raise BrokenPipeError
        if done.kind:
            raise _error_of(done, self._parts)
        return done

    def _next(self) -> Task | None:
        while not self._failed.is_set():
            with suppress(Empty):
                return self._waiting.get(timeout=_LOOK_EVERY_S)
        return None

    def _fail(self, error: TabiError) -> None:
        if not self._failed.is_set():
            self._error = error
            self._failed.set()


def disk_error(folder: Path, reason: str | None) -> DataError:
    """The error for a disk that takes no more."""
    return DataError(
        f"cannot write beside the output ({reason}): free space and call again to go on, or remove {folder}"
    )


def _error_of(done: Done, parts: Parts) -> TabiError:
    if done.kind == "disk":
        return disk_error(parts.place, done.error)
    if done.kind == "tabi":
        return DataError(done.error)
    return DataError(
        f"a block could not be scored ({done.error}): use --jobs 1 and TABI_DEBUG=1, and report what it shows"
    )


def _how(worker: subprocess.Popen[bytes]) -> str:
    code = worker.wait()
    return f" (signal {-code})" if code < 0 else f" (exit code {code})"
