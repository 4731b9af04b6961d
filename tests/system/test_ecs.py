"""`tabi deploy --target ecs` as a command: against moto, with a scheduler of our own where moto has none.

What this proves: which calls are made, in what order and with which fields; that moto, which keeps to boto3's models,
takes them; that each documented state of a rollout is understood; that traffic through one address meets the new task,
and the old one again after a failure. What it does not: that AWS's own scheduler gives these states at these moments,
IAM, and how long Fargate takes. `ecs_standin.py` says what is stood in for.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import pytest

from tabi.evidence import read
from tests.serving.conftest import Harbour, harbour, own_harbour
from tests.system.cloud import LIMIT_S, NAME, REPOSITORY, Cloud, Json, answers_by, asking, cloud, home, moto

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
__all__ = ["cloud", "harbour", "home", "moto", "own_harbour"]


def registered_fields(definition: Json) -> Json:
    own = {"taskDefinitionArn", "revision", "registeredAt", "status", "compatibilities", "requiresAttributes"}
    return {key: value for key, value in definition.items() if key not in own}


def test_start_anew_then_a_new_image_and_model_then_both_back_and_no_request_fails(
    cloud: Cloud, harbour: Harbour
) -> None:
    with asking(cloud.url) as statuses:
        anew = cloud.deploy()
        assert anew.returncode == 0, anew.stderr
        assert cloud.revision() == 1
        assert len(cloud.files("force_new_success")) == 1

        newer = cloud.deploy("second", version=2)
        assert newer.returncode == 0, newer.stderr
        assert (cloud.revision(), answers_by(cloud)) == (2, harbour.newer)
        first, second = (registered_fields(cloud.definition(number)) for number in (1, 2))
        assert second["containerDefinitions"][0].pop("image") == cloud.images["second"]
        assert first["containerDefinitions"][0].pop("image") == cloud.images["first"]
        assert second == first
        (record,) = cloud.files("deploy_success")

        back = cloud.run("rollback", NAME, "--target", "ecs", "--reason", "errors after the release")
        assert back.returncode == 0, back.stderr
        assert (cloud.revision(), answers_by(cloud)) == (1, harbour.older)
        assert len(cloud.files("rollback_to_prev")) == 1
    assert len(statuses) > 50
    assert set(statuses) == {200}

    told = json.loads(record.read_text(encoding="utf-8"))
    assert (told["outcome"], told["version"], told["image"]) == ("succeeded", 2, cloud.images["second"])
    assert told["before"].endswith(":1")
    assert told["revision"].endswith(":2")
    assert set(told["durations"]) == {"apply", "healthy", "model", "smoke", "keep"}
    log = record.with_suffix(".txt").read_text(encoding="utf-8")
    assert "ecs: (service api) has reached a steady state." in log
    assert "smoke test passed" in log
    assert str(cloud.home) not in log + record.read_text(encoding="utf-8")
    assert [each["kind"] for each in cloud.history()] == ["deploy", "deploy", "rollback"]


def test_a_runner_that_has_the_store_alone_deploys_and_goes_back_too(cloud: Cloud, harbour: Harbour) -> None:
    # no versions, no history: as in the workflow
    cloud.environ["TABI_STATE"] = f"sqlite:///{cloud.home}/runner.db"
    done = cloud.deploy("second")
    assert done.returncode == 0, done.stderr
    assert cloud.revision() == 2
    back = cloud.run("rollback", NAME, "--target", "ecs", "--reason", "the workflow failed")
    assert back.returncode == 0, back.stderr
    assert "smoke test passed" in back.stderr
    assert (cloud.revision(), answers_by(cloud)) == (1, harbour.older)


def test_the_circuit_breaker_ends_a_deployment_and_what_ran_before_runs_on(cloud: Cloud) -> None:
    with asking(cloud.url) as statuses:
        done = cloud.deploy("broken")
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith(
        "tabi: deploy 1 of voyage on ecs, dev failed: tabi-dev-api:2 failed: ECS deployment circuit breaker"
    )
    assert "aws logs tail /tabi/dev/api" in line
    assert line.endswith("tabi-dev-api:1, which ran before")
    assert cloud.revision() == 1
    # ECS itself went back: nothing was updated a second time
    assert cloud.stand_in.asked.count("UpdateService") == 1
    assert set(statuses) == {200}
    assert len(cloud.files("deploy_failure")) == 1
    newest = list(read(cloud.home / "evidence", "deploy"))[-1]
    assert newest.verdict == "fail"
    assert "circuit breaker" in newest.figures["reason"]


def test_a_task_that_is_well_and_does_not_answer_is_taken_back(cloud: Cloud, harbour: Harbour) -> None:
    done = cloud.deploy("mute", version=2)
    assert done.returncode == 1
    assert "/models/voyage/predict answered 500" in done.stderr.splitlines()[-1]
    # the update, and the way back
    assert cloud.stand_in.asked.count("UpdateService") == 2
    assert (cloud.revision(), answers_by(cloud)) == (1, harbour.older)


def begun(cloud: Cloud, image: str) -> subprocess.Popen[str]:
    """A deployment whose task does not start yet, once ECS was told of it."""
    cloud.scheduler.gate = threading.Event()
    command = [sys.executable, "-m", "tabi", "deploy", NAME, "--target", "ecs", "--image", cloud.images[image]]
    process = subprocess.Popen(command, env=cloud.environ, cwd=cloud.home, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + LIMIT_S
    while "UpdateService" not in cloud.stand_in.asked:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


def open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


def test_one_that_was_killed_is_seen_by_the_next_command_and_rolled_back(cloud: Cloud) -> None:
    process = begun(cloud, "second")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    cloud.scheduler.gate = open_gate()
    back = cloud.run("rollback", NAME, "--target", "ecs", "--reason", "it was cut")
    assert back.returncode == 0, back.stderr
    assert "deploy 1 of voyage on ecs, dev, begun" in back.stderr
    assert "was cut" in back.stderr
    assert cloud.revision() == 1
    assert [each["outcome"] for each in cloud.history()] == ["cut", "succeeded"]


def test_aws_that_is_busy_is_asked_again_while_it_is_waited_for(cloud: Cloud) -> None:
    process = begun(cloud, "second")
    cloud.stand_in.faults["DescribeServices"] = [(400, "ThrottlingException")] * 3
    cloud.scheduler.gate.set()
    _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert cloud.stand_in.faults["DescribeServices"] == []
    assert cloud.revision() == 2


def test_credentials_that_expire_meanwhile_are_one_line_of_what_to_do(cloud: Cloud) -> None:
    process = begun(cloud, "second")
    cloud.stand_in.faults["DescribeServices"] = [(400, "ExpiredTokenException")] * 9
    _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    line = said.splitlines()[-1]
    assert "renew them" in line
    assert "could not be brought back" in line
    assert [each["outcome"] for each in cloud.history()] == ["failed"]


def test_what_cannot_be_deployed_is_refused_before_anything_is_changed(cloud: Cloud) -> None:
    absent = f"{REPOSITORY}@sha256:{'0' * 64}"
    done = cloud.run("deploy", NAME, "--target", "ecs", "--image", absent)
    assert done.returncode == 2, done.stderr
    assert "has no image of digest" in done.stderr.splitlines()[-1]
    cloud.stand_in.faults["DescribeServices"] = [(400, "ThrottlingException")]
    throttled = cloud.deploy("second")
    assert throttled.returncode == 1
    assert "wait a minute" in throttled.stderr.splitlines()[-1]
    assert not {"UpdateService", "RegisterTaskDefinition"} & set(cloud.stand_in.asked)
    assert cloud.history() == []
