"""One call as a conversation without input or output: both clients carry out its steps and tell what came of them.

`exchange` is a generator. It yields an `Attempt` and is sent an `Answer` or a `Failure`, or yields a `Pause` and is
sent nothing. It returns the reply, or raises a `ClientError`.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import suppress
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import NamedTuple, TypeVar

import msgspec

from tabi.client.calls import Answer, Call
from tabi.client.errors import ClientError, LateError, NoAnswerError, ProblemError, ReplyError, class_of
from tabi.client.options import Options
from tabi.client.places import moved
from tabi.client.replies import AnyBatchReply, Problem
from tabi.client.retry import seconds_of

R = TypeVar("R")

_log = logging.getLogger("tabi.client")


class Attempt(NamedTuple):
    """Send the request. No wait may be longer than `timeout`, and all of it no longer than `left` seconds."""

    timeout: float
    left: float


class Pause(NamedTuple):
    """Wait so long."""

    seconds: float


class Failure(NamedTuple):
    """There was no complete answer: why, in a few words, whether it was for want of time, and whether to try again."""

    reason: str
    late: bool = False
    again: bool = False


def exchange(call: Call[R], options: Options) -> Generator[Attempt | Pause, Answer | Failure | None, R]:
    """The steps of a call until its reply is there or nothing more can be hoped for."""
    ends = monotonic() + options.deadline
    for attempt in count(1):
        left = max(ends - monotonic(), 0.001)
        outcome = yield Attempt(min(options.timeout, left), left)
        if isinstance(outcome, Answer) and outcome.status in call.accepted:
            return _reply(call, outcome)
        assert outcome is not None  # noqa: S101  an attempt has an outcome
        error, again = _verdict(call, outcome, attempt)
        after = error.retry_after if isinstance(error, ProblemError) else None
        pause = options.retry.pause(attempt, after) if again else None
        if pause is None or monotonic() + pause >= ends:
            raise error
        _log.info("request %s: attempt %d failed, the next in %.2f s", call.request_id, attempt, pause)
        yield Pause(pause)
    raise AssertionError("unreachable")


def _reply(call: Call[R], answer: Answer) -> R:
    try:
        reply = call.read(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if answer.status >= 400:
            # "not ready", but said by something else
            raise _problem(call, answer) from None
        raise ReplyError(f"{call.path}: the answer is not the one that was asked for", call.request_id) from error
    return moved(reply, call.first_row) if isinstance(reply, AnyBatchReply) else reply


def _verdict(call: Call[R], outcome: Answer | Failure, attempt: int) -> tuple[ClientError, bool]:
    """The error that the outcome would be if it were the last, and whether it may be otherwise the next time."""
    if isinstance(outcome, Answer):
        return _problem(call, outcome), outcome.status in call.repeated
    tries = "" if attempt == 1 else f", {attempt} times"
    kind = LateError if outcome.late else NoAnswerError
    return kind(f"{call.method} {call.path}: {outcome.reason}{tries}", call.request_id), outcome.again


def _problem(call: Call[R], answer: Answer) -> ClientError:
    status = answer.status
    if status < 400:
        return ReplyError(f"{call.path}: a status {status} is not expected here", call.request_id)
    problem = moved(_document(call, answer), call.first_row)
    return class_of(status)(problem, call.request_id, seconds_of(answer.headers.get("retry-after")))


def _document(call: Call[R], answer: Answer) -> Problem:
    """The problem that the server tells; of a stranger's answer, such as a proxy's page, only the status."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(answer.body, type=Problem)
    known = answer.status in HTTPStatus._value2member_map_
    title = HTTPStatus(answer.status).phrase if known else "Error"
    return Problem(title, answer.status, "the answer says no more", call.request_id)
