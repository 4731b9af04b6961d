"""A snapshot on its way from a store: how much of it is here is told in the log, and it ends when its time is over."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from math import isfinite
from time import monotonic

from tabi.errors import ConfigError, StoreError
from tabi.store.objects import Source

LIMIT = "TABI_FETCH_SECONDS"
LIMIT_SECONDS = 120.0
# between two lines of the log
TELL_SECONDS = 1.0

_log = logging.getLogger("tabi.store")


class Fetching:
    """The objects of `source`, read within `limit` seconds from now. `missing`: how many bytes of `what` are to come.

    The clock is looked at after each piece: a source that sends nothing at all is ended by its own time limit.
    """

    def __init__(self, source: Source, what: str, missing: int, limit: float) -> None:
        self._source = source
        self._what = what
        self._missing = missing
        self._limit = limit
        self._began = self._told = monotonic()
        self._come = 0

    @property
    def place(self) -> str:
        """Where the objects lie."""
        return self._source.place

    def read(self, key: str, limit: int) -> bytes | None:
        """The object's bytes; None if there is none."""
        return self._source.read(key, limit)

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object's bytes in pieces; `StoreError` when the time is over."""
        for chunk in self._source.chunks(key):
            self._come += len(chunk)
            self._look()
            yield chunk

    def begin(self) -> None:
        """Say what is going to be fetched."""
        _log.info("fetching %s from %s: %d bytes", self._what, self.place, self._missing)

    def end(self) -> None:
        """Say that it is here."""
        _log.info("fetched %s: %d bytes in %.1f s", self._what, self._come, monotonic() - self._began)

    def _look(self) -> None:
        now = monotonic()
        if now > self._began + self._limit:
            raise StoreError(
                f"fetching {self._what} from {self.place} took longer than {LIMIT}={self._limit:g}: {self._come} of "
                f"{self._missing} bytes came; raise it, or start again, which goes on with the file that was cut"
            )
        if now > self._told + TELL_SECONDS:
            self._told = now
            _log.info("fetching %s: %d of %d bytes", self._what, self._come, self._missing)


def limit_of(environ: Mapping[str, str]) -> float:
    """How many seconds fetching one snapshot may take."""
    text = environ.get(LIMIT) or str(LIMIT_SECONDS)
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not (limit > 0 and isfinite(limit)):
        raise ConfigError(f"{LIMIT} is no number of seconds above 0: write one such as {LIMIT_SECONDS:g}")
    return limit
