"""`tabi deploy --target ecs` as a command: against moto, with a scheduler of our own where moto has none.

What this proves: which calls are made, in what order and with which fields; that moto, which keeps to boto3's models,
takes them; that each documented state of a rollout is understood; that traffic through one address meets the new task,
and the old one again after a failure. What it does not: that AWS's own scheduler gives these states at these moments,
IAM, and how long Fargate takes. `ecs_standin.py` says what is stood in for.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3
import pytest

from tabi.deploy.history import deployments_of
from tabi.evidence import now, read
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.registry.governed import ANN, CLOSED
from tests.serving.conftest import Harbour, harbour, own_harbour
from tests.system.ecs_standin import Scheduler, StandIn, listening
from tests.system.moto import KEYS, s3_server
from tests.system.tasks import balancing, environ_of_tasks

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
__all__ = ["harbour", "own_harbour"]

Json = dict[str, Any]

NAME = "voyage"
LIMIT_S = 60
REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tabi-dev-api"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# answers that it is well, and nothing else
MUTE = """
import http.server, os
class Mute(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    do_POST = do_GET
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["TABI_PORT"])), Mute).serve_forever()
"""
COMMANDS = {
    "first": lambda command: [sys.executable, "-m", "tabi", *command],
    "second": lambda command: [sys.executable, "-m", "tabi", *command],
    "broken": lambda _: [sys.executable, "-c", "raise SystemExit(78)"],
    "mute": lambda _: [sys.executable, "-c", MUTE],
}


@pytest.fixture
def home(own_harbour: Harbour, tmp_path: Path) -> Path:
    """A workspace with two versions of a model, the first of which is live. No tracking server is there."""
    root = tmp_path / "home"
    (root / "projects" / NAME).mkdir(parents=True)
    (root / "projects" / NAME / "config.yaml").write_text("source: csv:rows.csv\ntarget: survived\n")
    own_harbour.store.root.rename(root / "store")
    room = Room.open(Workspace.find(root, {"TABI_HOME": str(root), "TABI_TRACKING_URI": CLOSED}))
    with room.transaction() as begun:
        for number, bundle in enumerate((own_harbour.older, own_harbour.newer), 1):
            add(begun.connection, Version(NAME, number, bundle, "1", "2" * 64, "candidate", "{}", "tom", "ann", now()))
        begun.record(actor=ANN, action="release", object=NAME, after={})
    promote(room.workspace, NAME, 1)
    return root


@dataclass
class Cloud:
    """An account with a service that runs, what stands before it, and the images of its registry by our names."""

    scheduler: Scheduler
    stand_in: StandIn
    environ: dict[str, str]
    images: dict[str, str]
    ecs: Any
    home: Path
    url: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`tabi …` in the workspace."""
        return subprocess.run(
            [sys.executable, "-m", "tabi", *command],
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def deploy(self, image: str = "", version: int = 0) -> subprocess.CompletedProcess[str]:
        named = ["--image", self.images[image]] if image else []
        return self.run("deploy", NAME, "--target", "ecs", *named, *(["--version", str(version)] if version else []))

    def revision(self) -> int:
        """The number of the revision that the service is told to run."""
        service = self.ecs.describe_services(cluster="tabi-dev", services=["tabi-dev-api"])["services"][0]
        return int(service["taskDefinition"].rpartition(":")[2])

    def definition(self, number: int) -> Json:
        told = self.ecs.describe_task_definition(taskDefinition=f"tabi-dev-api:{number}", include=["TAGS"])
        return {**told["taskDefinition"], "tags": told["tags"]}

    def files(self, what: str) -> list[Path]:
        return sorted((self.home / "docs" / "evidence").glob(f"dev_ecs_{what}_*.json"))

    def history(self) -> list[Json]:
        return [json.loads(each.to_json()) for each in deployments_of(Room.open(Workspace.find(self.home, {})))]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with s3_server(Path(sys.executable)) as address:
        yield address


@pytest.fixture
def cloud(moto: str, home: Path) -> Iterator[Cloud]:
    urlopen(f"{moto}/moto-api/reset", data=b"", timeout=30).close()  # noqa: S310 - our own server
    with ExitStack() as held:
        scheduler = Scheduler({}, environ_of_tasks())
        held.callback(scheduler.close)
        stand_in = StandIn(moto, scheduler)
        environ = {
            **environ_of_tasks(),
            **KEYS,
            "AWS_ENDPOINT_URL": held.enter_context(listening(stand_in)),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_MAX_ATTEMPTS": "1",
            "TABI_HOME": str(home),
            "TABI_TRACKING_URI": CLOSED,
            "TABI_ECS_LOOK_SECONDS": "0.1",
            "TABI_ECS_SECONDS": "30",
        }
        session = boto3.session.Session("testing", "testing", region_name=KEYS["AWS_REGION"])
        clients = {
            name: session.client(name, endpoint_url=environ["AWS_ENDPOINT_URL"]) for name in ("ecs", "ecr", "ssm")
        }
        for made in clients.values():
            held.callback(made.close)
        images = pushed(clients["ecr"], scheduler)
        url = held.enter_context(balancing(scheduler))
        cloud = Cloud(scheduler, stand_in, environ, images, clients["ecs"], home, url)
        terraformed(cloud, clients["ssm"])
        stand_in.asked.clear()
        yield cloud


def pushed(registry: Any, scheduler: Scheduler) -> dict[str, str]:
    """Images by name, as the registry knows them."""
    registry.create_repository(repositoryName="tabi-dev-api")
    found = {}
    for name, command in COMMANDS.items():
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": name}, "layers": []})
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        registry.put_image(repositoryName="tabi-dev-api", imageManifest=manifest, imageDigest=digest)
        scheduler.images[digest] = command
        found[name] = f"{REPOSITORY}@{digest}"
    return found


def terraformed(cloud: Cloud, parameters: Any) -> None:
    """What layer 30 makes, as far as a deployment sees it."""
    environment = {"TABI_STORE": str(cloud.home / "store"), "TABI_PREDICTIONS": str(cloud.home / "predicted")}
    container = {
        "name": "api",
        "image": cloud.images["first"],
        "essential": True,
        "command": ["serve", NAME],
        "readonlyRootFilesystem": True,
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "environment": [{"name": name, "value": value} for name, value in sorted(environment.items())],
        "stopTimeout": 30,
    }
    cloud.ecs.create_cluster(clusterName="tabi-dev")
    cloud.ecs.register_task_definition(
        family="tabi-dev-api",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="512",
        memory="1024",
        executionRoleArn="arn:aws:iam::123456789012:role/tabi-dev-execution",
        taskRoleArn="arn:aws:iam::123456789012:role/tabi-dev-task",
        runtimePlatform={"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        volumes=[{"name": "tmp"}],
        containerDefinitions=[container],
        tags=[{"key": "Project", "value": "tabi"}],
    )
    cloud.ecs.create_service(
        cluster="tabi-dev",
        serviceName="tabi-dev-api",
        taskDefinition="tabi-dev-api:1",
        desiredCount=1,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        loadBalancers=[{"targetGroupArn": "arn:aws:x", "containerName": "api", "containerPort": 8000}],
    )
    handed = {"cluster": "tabi-dev", "service": "tabi-dev-api", "url": cloud.url, "log_group": "/tabi/dev/api"}
    for name, value in handed.items():
        parameters.put_parameter(Name=f"/tabi/dev/service/{name}", Value=value, Type="String")
    end = time.monotonic() + LIMIT_S
    while not cloud.scheduler.completed:
        assert time.monotonic() < end, cloud.scheduler.events
        time.sleep(0.1)


@contextmanager
def asking(url: str) -> Iterator[list[int]]:
    """The load balancer is asked all the time; the statuses, 0 where there was no answer."""
    statuses: list[int] = []
    stop, address = threading.Event(), urlsplit(url)

    def ask() -> None:
        while not stop.is_set():
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
            try:
                connection.request("GET", "/healthz")
                statuses.append(connection.getresponse().status)
            except (OSError, http.client.HTTPException):
                statuses.append(0)
            finally:
                connection.close()
            time.sleep(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join(15)


def answers_by(cloud: Cloud) -> str:
    """The bundle that answers, by the server itself."""
    with urlopen(f"{cloud.url}/readyz", timeout=10) as response:  # noqa: S310 - our own server
        return str(json.loads(response.read())["models"][0]["version"])


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
    cloud.stand_in.faults.clear()
    cloud.scheduler.gate.set()
    again = cloud.deploy("second")
    assert again.returncode == 0, again.stderr


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
