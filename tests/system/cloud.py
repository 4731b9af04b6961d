"""An account of AWS with a service as layer 30 makes it: moto, a scheduler before it, and a load balancer."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
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
from tabi.evidence import now
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.registry.governed import ANN, CLOSED
from tests.serving.conftest import Harbour
from tests.system.ecs_standin import Scheduler, StandIn, listening
from tests.system.moto import KEYS, s3_server
from tests.system.tasks import balancing, environ_of_tasks

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
