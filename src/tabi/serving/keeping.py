"""What one worker keeps of its predictions: their log, the feedback, and the upkeep of what is closed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, get_native_id
from time import monotonic

from tabi.contract import Contract
from tabi.predictions import FeedbackLog, PredictionLog
from tabi.predictions.feedback import FOLDER
from tabi.predictions.upkeep import QUIET_SECONDS, Keep, compress, expire
from tabi.serving.feedback import Writer
from tabi.serving.settings import Settings, privacy_of
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import Counter

# between two rounds over the closed segments
UPKEEP_SECONDS = 60.0
# below that of what answers requests
NICENESS = 10

_log = logging.getLogger("tabi.serving")


class Keeping:
    """`log` and `writer` are None where the server keeps nothing. `privacy`: what a line may hold."""

    def __init__(self, settings: Settings, number: int, cells: Cells) -> None:
        self.privacy = privacy_of(settings)
        self.log = None if settings.log is None else PredictionLog(settings.log, number)
        self.writer = None if settings.log is None else Writer(FeedbackLog(settings.log))
        self._settings = settings
        self._lost = Counter(cells, "tabi_prediction_log_lost_total")
        self._told = 0
        self._telling = Lock()
        self._pool = ThreadPoolExecutor(1, "upkeep")
        self._working: Future[None] | None = None
        self._next = 0.0
        self._stopped = False
        self._failed = ""

    def count(self) -> None:
        """Count what the log has lost and not told yet. It knows of any thread; each piece is told once."""
        if self.log is not None:
            with self._telling:
                self._lost.add(self.log.lost - self._told)
                self._told = self.log.lost

    def tick(self) -> None:
        """To be called several times a second: see whether a log that failed can be written again, and keep it up."""
        if self.log is None or self.writer is None:
            return
        self.log.probe()
        self.writer.probe()
        idle = self._working is None or self._working.done()
        if idle and not self._stopped and monotonic() >= self._next:
            self._next = monotonic() + UPKEEP_SECONDS
            self._working = self._pool.submit(self._upkeep)

    def problems(self, contracts: Iterable[Contract]) -> list[str]:
        """What an operator has to mend, as far as that was asked for. `contracts`: of what answers now."""
        if self.log is None or self.writer is None:
            return []
        told = [self.privacy.problem(contract) for contract in contracts]
        if self._settings.log_ready != "ready":
            told += [self.log.problem, self.writer.problem]
        return [problem for problem in told if problem is not None]

    @property
    def blocking(self) -> bool:
        """Whether no request is to come while nothing can be logged."""
        return self._settings.log_ready == "not_ready" and self.log is not None and self.log.problem is not None

    def close(self) -> None:
        """Let everything go, once no request comes any more."""
        self._stopped = True
        self._pool.shutdown()
        if self.writer is not None:
            self.writer.close()
        self.count()
        if self.log is not None:
            self.log.close()

    def _upkeep(self) -> None:
        folder, settings = self._settings.log, self._settings
        assert folder is not None  # noqa: S101  there is no tick without a log
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
        keep = Keep(settings.log_days, settings.log_bytes)
        try:
            expire(folder, keep)
            expire(folder / FOLDER, Keep(days=settings.log_days))
            if settings.log_gzip:
                compress(folder, lambda: self._stopped)
                compress(folder / FOLDER, lambda: self._stopped, 24 * QUIET_SECONDS)
        except OSError as error:
            # the log itself is as it was; once is enough to tell
            if str(error) != self._failed:
                _log.warning("segments of the prediction log cannot be compressed or removed: %s", error)
            self._failed = str(error)
        else:
            self._failed = ""
