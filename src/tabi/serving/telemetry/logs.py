"""The server's own log: one JSON object a line, written by a thread.

Whoever reads the lines may stall, and then a write waits. No request may wait with it: lines that find the queue full
are lost, and counted in the next line that is not.
"""

from __future__ import annotations

import atexit
import logging
import os
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Lock, Thread

import msgspec

# lines that wait to be written
MOST_WAITING = 10_000
# for the last lines of a process
CLOSE_SECONDS = 2.0
STDOUT = 1

_encode = msgspec.json.Encoder(enc_hook=str).encode
_OWN = ("request_id", "route", "status", "ms", "worker")
# what would say twice what the access log and the exit code say
_LOUD = ("uvicorn.error", "uvicorn.asgi")


class JsonFormatter(logging.Formatter):
    """A record as one line. A traceback is in it, for the operator, never in an answer."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _OWN if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return encode_text(line)


def encode_text(line: dict[str, object]) -> str:
    """JSON; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return _encode(line).decode()
    except UnicodeEncodeError:
        return _encode({name: _whole(value) for name, value in line.items()}).decode()


def _whole(value: object) -> object:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


class LineHandler(logging.Handler):
    """Gives lines to a thread that writes them to a descriptor, each in one piece."""

    def __init__(self, descriptor: int = STDOUT, most: int = MOST_WAITING) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self._descriptor = descriptor
        self._most = most
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._counting = Lock()
        self._lost = 0
        self._writer = Thread(target=self._write_all, name="log", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; it never waits."""
        if self._lines.qsize() >= self._most:
            with self._counting:
                self._lost += 1
            return
        try:
            self._lines.put(self.format(record).encode() + b"\n")
        except Exception:  # noqa: BLE001  as every handler does
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, if it is read within a few seconds."""
        self._lines.put(None)
        self._writer.join(CLOSE_SECONDS)
        super().close()

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                _write(self._descriptor, self._told_lost() + line)
            except OSError:
                # nobody reads any more
                with self._counting:
                    self._lost += 1

    def _told_lost(self) -> bytes:
        with self._counting:
            lost, self._lost = self._lost, 0
        if not lost:
            return b""
        message = f"{lost} log lines were lost: what reads them is too slow"
        record = logging.LogRecord("tabi.logs", logging.ERROR, "", 0, message, None, None)
        return self.format(record).encode() + b"\n"


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def log_to_stdout() -> None:
    """Send Tabi's own lines and the web server's errors to stdout. Doing it again changes nothing."""
    if any(isinstance(handler, LineHandler) for handler in logging.getLogger("tabi").handlers):
        return
    handler = LineHandler()
    atexit.register(handler.close)
    for name, level in (("tabi", logging.INFO), *((name, logging.ERROR) for name in _LOUD)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
