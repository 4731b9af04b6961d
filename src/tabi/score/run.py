"""Scoring files from beginning to end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tabi import __version__
from tabi.bundle import Bundle, Trust
from tabi.errors import DataError, NotFoundError
from tabi.score.files import Sources, sources_of
from tabi.score.output import rejected_path, write_output
from tabi.score.parts import Counts, Parts, digest_of, opened_parts
from tabi.score.plan import Plan, plan_of
from tabi.score.pool import Here, Processes, disk_error
from tabi.score.progress import Progress, Quiet
from tabi.serving.answers import answers_of

# another number when the parts or their order change
FORMAT = 1


class Options(NamedTuple):
    """`keys`: columns that pass through; none: all that the model does not know. `jobs`: processes, 0 for all cores.

    `trust`: whose signature the bundle must have.
    """

    keys: tuple[str, ...] = ()
    jobs: int = 0
    batch_rows: int = 16_384
    trust: Trust | None = None


DEFAULTS = Options()


class Summary(NamedTuple):
    """What a run did. `resumed`: rows of it that an earlier, killed run had already answered or rejected.

    `distrust`: why the bundle is not trusted, where that is only a warning.
    """

    counts: Counts
    resumed: int
    seconds: float
    rejected: Path | None
    distrust: str | None = None


def score_files(
    bundle: Path, given: Path, output: Path, options: Options = DEFAULTS, progress: Progress | None = None
) -> Summary:
    """Score the rows of a file or folder into the Parquet file `output`, which appears whole or not at all.

    Called again after it was killed, it goes on where it was, unless the input, the bundle or the options changed.
    `DataError` or `NotFoundError` says what is wrong with the input, `ConflictError` that another run writes there.
    """
    begun = time.perf_counter()
    sources = sources_of(given)
    _check_output(given, output)
    opened = Bundle.open(bundle, options.trust)
    contract = opened.contract()
    plan = plan_of(sources, contract, answers_of(opened, contract), options.keys)
    digest = digest_of(FORMAT, __version__, opened.id, _listing(sources), options.keys, options.batch_rows)
    folder = output.parent
    try:
        with opened_parts(output, digest) as parts:
            folder = parts.place
            work = _Work(plan, parts, options, progress or Quiet())
            count = work.run(opened)
            counts = write_output(output, plan.schema, parts, count)
            parts.remove()
    except OSError as error:
        raise disk_error(folder, error.strerror) from error
    rejected = rejected_path(output) if counts.rejected else None
    return Summary(counts, work.resumed, time.perf_counter() - begun, rejected, opened.signed.problem)


class _Work:
    """The blocks of all files, each scored unless its part is there."""

    def __init__(self, plan: Plan, parts: Parts, options: Options, progress: Progress) -> None:
        self._plan, self._parts, self._options, self._progress = plan, parts, options, progress
        self._lock = Lock()
        self._rows = 0
        self.resumed = 0

    def run(self, bundle: Bundle) -> int:
        """Score what is left; the number of blocks in all."""
        jobs = self._options.jobs or available_cores()
        common = (bundle, self._parts, self._plan.schema, self._plan.keys, self._done)
        count = behind = 0
        total = max(sum(source.size for source in self._plan.sources.files), 1)
        with Here(*common) if jobs == 1 else Processes(jobs, *common) as pool:
            for source in self._plan.sources.files:
                for block in self._plan.blocks(source, self._options.batch_rows):
                    if self._parts.has(count):
                        self._resume(count)
                    else:
                        pool.submit(count, block, (behind + block.position) / total)
                    self._progress.read(behind + block.position)
                    count += 1
                behind += source.size
            pool.finish()
        return count

    def _resume(self, index: int) -> None:
        counts = self._parts.counts(index)
        self.resumed += counts.rows + counts.rejected
        self._done(counts)

    def _done(self, counts: Counts) -> None:
        # several threads tell of their blocks
        with self._lock:
            self._rows += counts.rows + counts.rejected
            self._progress.done(self._rows)


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listing(sources: Sources) -> list[tuple[str, int, int]]:
    return [(str(source.path.resolve()), source.size, source.modified_ns) for source in sources.files]


def _check_output(given: Path, output: Path) -> None:
    if output.is_dir():
        raise DataError(f"the output {output} is a folder: name a file, such as {output / 'scores.parquet'}")
    if not output.parent.is_dir():
        raise NotFoundError(f"there is no folder {output.parent} for the output: create it")
    into, of = output.resolve(), given.resolve()
    if into == of or (given.is_dir() and of in into.parents):
        raise DataError(f"the output {output} lies in the input: name one outside of it")
