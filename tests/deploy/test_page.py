from __future__ import annotations

from tabi.deploy.page import table_of
from tests.deploy.conftest import drafted


def test_what_is_long_is_cut_to_what_tells_it_apart() -> None:
    done = drafted(
        id=3,
        at="2026-11-22T01:02:03.456+00:00",
        revision="arn:aws:ecs:eu-west-1:1:task-definition/tabi-dev-api:7",
        image="registry/tabi@sha256:" + "ab" * 32,
        version=2,
        seconds=12.34,
        outcome="failed",
        by="ann",
        reason="new",
        problem="p" * 90,
    )
    head, row = table_of([done])
    assert head.split()[:3] == ["ID", "AT", "KIND"]
    assert row.split() == [
        *("3", "2026-11-22", "01:02:03", "deploy", "adult", "local", "dev", "2", "tabi-dev-api:7", "abababababab"),
        *("12.3", "failed", "ann", "p" * 39 + "…"),
    ]
    begun = table_of([drafted()])[1]
    assert begun.split()[-4:] == ["-", "-", "begun", "-"]
