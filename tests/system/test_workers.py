"""20 kills of workers under load: what was answered is in the log, and the server goes on."""

from __future__ import annotations

import functools
import random
import time
from pathlib import Path

import pytest

from tabi.predictions import LogReader
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.test_supervisor import calling, crew, until

pytestmark = pytest.mark.system

KILLS = 20


def test_no_answered_prediction_is_lost(harbour: Harbour, tmp_path: Path) -> None:
    chance = random.Random(3)
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
    reader = LogReader(found.log)
    logged = {line.id for line in reader}
    assert len(answered) == len(set(answered)) > 20 * 50
    assert set(answered) <= logged
    # the system ends a killed process within a long write too: what it leaves is the beginning of a line at the end of
    # a segment, of a request that was not answered
    assert reader.skipped <= KILLS
    assert [caller.refused for caller in callers if caller.refused] == []
