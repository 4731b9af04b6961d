"""The server's own log: one JSON object a line."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

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
        return _encode(line).decode()


def log_to_stdout() -> None:
    """Send Tabi's own lines and the web server's errors to stdout."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    for name, level in (("tabi", logging.INFO), *((name, logging.ERROR) for name in _LOUD)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
