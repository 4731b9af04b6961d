"""How far a deployment is, from answers in the form that AWS documents for DescribeServices."""

from __future__ import annotations

from typing import Any

import pytest

from tabi.deploy.ecs.rollout import Events, read, settled

Json = dict[str, Any]
ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/tabi-dev-api:"


def told(number: int, state: str, status: str = "PRIMARY", reason: str = "", **counts: int) -> Json:
    """One deployment."""
    return {
        "id": f"ecs-svc/{number}",
        "createdAt": number,
        "status": status,
        "taskDefinition": f"{ARN}{number}",
        "rolloutState": state,
        "rolloutStateReason": reason,
        "runningCount": 1,
        "desiredCount": 2,
        "failedTasks": 0,
        **counts,
    }


def service(*deployments: Json) -> Json:
    return {"deployments": list(deployments), "events": []}


OLD = told(6, "COMPLETED", "ACTIVE")
BACK = told(8, "IN_PROGRESS", reason="ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/6.")


@pytest.mark.parametrize(
    ("deployments", "state"),
    [
        ([told(7, "IN_PROGRESS"), OLD], "going"),
        ([told(7, "COMPLETED")], "completed"),
        ([told(7, "FAILED"), OLD], "failed"),
        # the breaker has begun its way back, and ours is still there
        ([BACK, told(7, "FAILED", "ACTIVE")], "failed"),
        # ours is gone already
        ([BACK], "failed"),
        # somebody else was quicker
        ([told(9, "IN_PROGRESS"), told(7, "IN_PROGRESS", "ACTIVE")], "overtaken"),
        ([told(9, "COMPLETED")], "overtaken"),
        ([], "overtaken"),
    ],
)
def test_each_answer_has_one_meaning(deployments: list[Json], state: str) -> None:
    assert read(service(*deployments), "ecs-svc/7").state == state


@pytest.mark.parametrize(
    ("deployments", "number"),
    [
        ([told(7, "COMPLETED")], 7),
        ([told(7, "IN_PROGRESS"), OLD], 6),
        ([told(7, "FAILED"), OLD], 6),
        # one that was cut never answered, though it is newer than the one that does
        ([told(8, "IN_PROGRESS"), told(7, "IN_PROGRESS", "ACTIVE"), OLD], 6),
        # the first of all
        ([told(7, "IN_PROGRESS")], 7),
        ([], 5),
    ],
)
def test_what_answers_is_what_was_completed_last(deployments: list[Json], number: int) -> None:
    assert settled({**service(*deployments), "taskDefinition": f"{ARN}5"}) == f"{ARN}{number}"


def test_the_reason_is_that_of_ecs() -> None:
    failed = told(7, "FAILED", reason="ECS deployment circuit breaker: tasks failed to start.", failedTasks=3)
    found = read(service(failed, OLD), "ecs-svc/7")
    assert found.reason == "ECS deployment circuit breaker: tasks failed to start."
    assert found.line == "1 of 2 tasks run, 3 failed"
    assert "circuit breaker" in read(service(BACK), "ecs-svc/7").reason
    assert "tabi-dev-api:9" in read(service(told(9, "COMPLETED")), "ecs-svc/7").reason


def test_events_are_told_once_in_their_order_and_old_ones_never() -> None:
    def said(*numbers: int) -> Json:
        return {"events": [{"id": str(n), "message": f"said\n{n}"} for n in numbers]}

    events = Events(said(2, 1))
    assert events.new(said(2, 1)) == []
    assert events.new(said(4, 3, 2, 1)) == ["said 3", "said 4"]
    assert events.new(said(5, 4, 3, 2, 1)) == ["said 5"]
