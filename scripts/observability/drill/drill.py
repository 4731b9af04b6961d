"""The drill: quiet, then drift, then failures, then quiet again; what was told, to whom, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from loadtest.slo import Slo
from scripts.observability.drill.glance import Answered, ask_all
from scripts.observability.drill.inbox import Inbox, Told, inbox
from scripts.observability.drill.incident import Cause, cause_of
from scripts.observability.drill.server import Watched, server
from scripts.observability.drill.stack import QUICK, Stack, watching
from scripts.observability.drill.traffic import ROWS, Traffic, shifted, usual
from tabi.bench.rows import batch_bodies, draw_rows
from tabi.bundle import Bundle
from tabi.errors import TabiError

# longer than the window over which drift is computed
QUIET_S = QUICK.seconds(60) + 4.0
TOLD_LIMIT_S = 40.0
OVER_LIMIT_S = 60.0
CROWD, CROWD_RATE, LARGE_ROWS = 4, 40.0, 1000
DRIFT, ERRORS = "TabiColumnDrift", "TabiErrors"
# rows are drawn column by column, so columns go together otherwise than in training, and so do scores
EXPECTED = {"TabiHeartbeat", "TabiScoreDrift"}
Say = Callable[[str], None]


class Sounded(NamedTuple):
    """An alert: whom it reached, seconds from its cause until it did, and from the end of its cause until it ended."""

    name: str
    receiver: str
    told_s: float
    over_s: float


class Drill(NamedTuple):
    """What came of it. `column`: that was shifted. `before`: alerts that sounded while all was as in training."""

    model: str
    bundle: str
    column: str
    before: list[str]
    drift: Sounded
    errors: Sounded
    cause: Cause
    answered: list[Answered]


def drill(ref: str, store: str, bundle: Bundle, folder: Path, slo: Slo, say: Say) -> Drill:
    """Run it over a model of a store. `TabiError` says what was not told."""
    contract = bundle.contract()
    column, drifting = shifted(contract)
    with (
        inbox() as box,
        server(ref, store, folder / "server", box.url) as watched,
        watching(watched.port, box, folder / "stack", slo) as stack,
    ):
        usually = Traffic(watched.port, usual(contract))
        crowd = Traffic(watched.port, batch_bodies(draw_rows(contract, ROWS), LARGE_ROWS))
        with usually.asking():
            say(f"all as in training, for {QUIET_S:.0f} s")
            time.sleep(QUIET_S)
            before = sorted({told.labels["alertname"] for told in box.told} - EXPECTED)
            say(f"column {column} is shifted")
            began = time.monotonic()
            usually.bodies = drifting
            told = box.wait(DRIFT, TOLD_LIMIT_S, since=began, column=column)
            say(f"{DRIFT} reached {told.receiver} after {told.at - began:.1f} s")
            usually.bodies, cured = usual(contract), time.monotonic()
            failed, cause = _failing(crowd, box, stack, watched, say)
            answered = ask_all(stack, slo, bundle.name, column)
            over = box.wait(DRIFT, OVER_LIMIT_S, "resolved", told.at, column=column)
            say(f"{DRIFT} ended {over.at - cured:.1f} s after its cause")
            drifted = Sounded(DRIFT, told.receiver, told.at - began, over.at - cured)
    if not box.find("TabiHeartbeat"):
        raise TabiError("the heartbeat did not reach its receiver")
    return Drill(bundle.name, bundle.id, column, before, drifted, failed, cause, answered)


def _failing(crowd: Traffic, box: Inbox, stack: Stack, watched: Watched, say: Say) -> tuple[Sounded, Cause]:
    say(f"{CROWD} clients at once ask for {LARGE_ROWS} rows each, where there is room for one")
    began = time.monotonic()
    with crowd.asking("/predict_batch", CROWD, CROWD_RATE):
        told: Told = box.wait(ERRORS, TOLD_LIMIT_S, since=began)
        say(f"{ERRORS} reached {told.receiver} after {told.at - began:.1f} s")
        cause = cause_of(told, stack, box, watched)
        say(f"its cause was found {cause.seconds:.1f} s later: {cause.status} of {cause.route}, {cause.reason}")
    cured = time.monotonic()
    over = box.wait(ERRORS, OVER_LIMIT_S, "resolved", told.at)
    say(f"{ERRORS} ended {over.at - cured:.1f} s after its cause")
    return Sounded(ERRORS, told.receiver, told.at - began, over.at - cured), cause
