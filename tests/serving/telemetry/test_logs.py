"""Log lines: one JSON object each, in order, and none of them ever holds up who logs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator

import pytest

from tabi.serving.telemetry.logs import LineHandler

Make = Callable[[int], tuple[logging.Logger, LineHandler]]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    yield out, into
    for descriptor in (out, into):
        try:
            os.close(descriptor)
        except OSError:
            continue


def logger_of(handler: LineHandler) -> logging.Logger:
    logger = logging.Logger("tabi.test")
    logger.addHandler(handler)
    return logger


def lines_in(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


def read_all(out: int, into: int, data: bytes = b"") -> list[dict[str, object]]:
    os.close(into)
    while more := os.read(out, 1 << 16):
        data += more
    return lines_in(data)


def lost_in(lines: list[dict[str, object]]) -> int:
    told = [str(line["message"]) for line in lines]
    return sum(int(message.split()[0]) for message in told if "lines were lost" in message)


def test_a_line_is_an_object_with_what_was_given_with_it(pipe: tuple[int, int]) -> None:
    handler = LineHandler(pipe[1])
    logger = logger_of(handler)
    logger.error("answered", extra={"request_id": "a\ud800b", "status": 500, "unknown": "left out"})
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("failed with %s", "x")
    handler.close()
    first, second = read_all(*pipe)
    assert (first["level"], first["logger"], first["message"], first["status"]) == (
        "error",
        "tabi.test",
        "answered",
        500,
    )
    assert first["request_id"] == "a?b"
    assert "unknown" not in first
    assert second["message"] == "failed with x"
    assert "ValueError: first\nsecond" in str(second["traceback"])


def test_who_logs_does_not_wait_for_a_reader_that_stalls(pipe: tuple[int, int]) -> None:
    """The pipe takes 64 KiB; without a thread the second hundred lines would wait for ever."""
    handler = LineHandler(pipe[1], most=100)
    logger = logger_of(handler)
    for number in range(2000):
        logger.error("%s", f"{number} {'x' * 1000}")
    # now somebody reads, until nothing waits
    data = b""
    while True:
        data += os.read(pipe[0], 1 << 16)
        whole = lines_in(data[: data.rfind(b"\n") + 1])
        seen = [int(str(line["message"]).split()[0]) for line in whole if str(line["message"]).endswith("x")]
        if len(seen) + lost_in(whole) + handler._lost == 2000:
            break
    logger.error("the last")
    handler.close()
    lines = read_all(*pipe, data)
    assert seen == sorted(seen)
    assert len(seen) + lost_in(lines) == 2000
    assert lost_in(lines) > 1000
    assert lines[-1]["message"] == "the last"


def test_a_reader_that_is_gone_stops_nobody(pipe: tuple[int, int]) -> None:
    handler = LineHandler(pipe[1])
    logger = logger_of(handler)
    os.close(pipe[0])
    for _ in range(10):
        logger.error("to nobody")
    handler.close()
