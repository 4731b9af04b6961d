"""20 kills of workers under load: what was answered is in the log, and the server goes on."""

from __future__ import annotations

import functools
import random
import time
from pathlib import Path

import pytest
from msgspec.json import decode

from tabi.predictions import Line, LogReader
from tabi.predictions.read import open_segment, segments_of
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.test_supervisor import calling, crew, until

pytestmark = pytest.mark.system

# of four servers each: a worker that dies soon again is started later and later
KILLS = 5


@pytest.mark.parametrize("seed", range(4))
def test_no_answered_prediction_is_lost(harbour: Harbour, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with crew(harbour.store.root, tmp_path / "tmp") as found, calling(found.server, 12) as callers:
        for _ in range(KILLS):
            # at any moment: within a turn, a write, an answer
            time.sleep(chance.uniform(0.05, 0.5))
            seen, number = sum(len(caller.answered) for caller in callers), chance.randrange(2)
            before = found.kill(number)
            until(lambda: sum(len(caller.answered) for caller in callers) > seen + 50)  # noqa: B023
            until(functools.partial(found.is_back, number, before), 60)
        assert found.metric("tabi_worker_restarts_total") == KILLS
    answered = [request_id for caller in callers for request_id in caller.answered]
    assert len(answered) == len(set(answered)) > 20 * 50
    logged: set[str] = set()
    # closed ones may have been compressed meanwhile
    for path in segments_of(found.log):
        with open_segment(path) as segment:
            *lines, last = segment.read().split(b"\n")
        # the system ends a killed process within a long write too: what that leaves is the beginning of a line at the
        # end of its segment, and nothing anywhere else
        logged |= {decode(line, type=Line).id for line in lines}
        assert not any(f'"id":"{request_id}"'.encode() in last for request_id in answered)
    assert set(answered) <= logged
    assert {line.id for line in LogReader(found.log)} == logged
    assert [caller.refused for caller in callers if caller.refused] == []
