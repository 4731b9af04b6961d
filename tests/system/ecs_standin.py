"""What moto leaves out of ECS: a scheduler that runs tasks, behind a load balancer of one address.

moto keeps clusters, revisions and services, and checks what it is sent. It starts no task and knows no rollout. So this
server stands before it: every call goes to moto and its answer comes back, but that

- UpdateService begins a deployment, which starts the container's command as a process of this machine;
- DescribeServices tells of deployments, counts and events as AWS documents them: IN_PROGRESS, then COMPLETED once the
  task answers /healthz, or FAILED by the circuit breaker after three tasks that ended, with its own way back;
- ListServiceDeployments and DescribeServiceRevisions tell which were completed;
- a fault that a test has ordered is answered instead.

An image is known by its digest: `images` says which command is run for it in place of the image's own entry point.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.system.tasks import (
    HEALTHY_LIMIT_S,
    Command,
    end_of,
    free_port,
    is_healthy,
    serving_in_background,
    start_task,
)

Json = dict[str, Any]

ACCOUNT, REGION = "123456789012", "us-east-1"
TRIPS_AFTER = 3
BREAKER = "ECS deployment circuit breaker"
TARGET = "AmazonEC2ContainerServiceV20141113."


@dataclass
class Deployment:
    """A deployment of the service, as DescribeServices tells of it."""

    id: str
    definition: str
    reason: str
    status: str = "PRIMARY"
    state: str = "IN_PROGRESS"
    failed: int = 0
    task: subprocess.Popen[bytes] | None = None
    created: float = field(default_factory=time.time)

    def told(self, desired: int) -> Json:
        running = int(self.task is not None and self.task.poll() is None and self.state == "COMPLETED")
        return {
            "id": self.id,
            "status": self.status,
            "taskDefinition": self.definition,
            "desiredCount": desired,
            "runningCount": running,
            "pendingCount": desired - running,
            "failedTasks": self.failed,
            "createdAt": self.created,
            "updatedAt": time.time(),
            "rolloutState": self.state,
            "rolloutStateReason": self.reason,
        }


class Scheduler:
    """One service: its deployments, newest first, its task, and the load balancer before it."""

    def __init__(self, images: dict[str, Command], environ: dict[str, str]) -> None:
        self.images, self._environ = images, environ
        self.deployments: list[Deployment] = []
        self.completed: list[Deployment] = []
        self.events: list[Json] = []
        self.port = 0
        # a deployment waits for the one that it finds when it begins
        self.gate = threading.Event()
        self.gate.set()
        self._lock, self._number = threading.RLock(), 0
        self._threads: list[threading.Thread] = []
        self._closed = False

    def begin(self, definition: str, container: Json, reason: str = "") -> None:
        """A new deployment takes the place of the one before."""
        with self._lock:
            self._number += 1
            identity = f"ecs-svc/{self._number:019d}"
            begun = Deployment(identity, definition, reason or f"ECS deployment {identity} in progress.")
            for each in self.deployments:
                each.status = "ACTIVE"
            self.deployments.insert(0, begun)
            thread = threading.Thread(target=self._roll_out, args=(begun, container, self.gate))
            self._threads.append(thread)
            thread.start()

    def _roll_out(self, ours: Deployment, container: Json, gate: threading.Event) -> None:
        while ours.status == "PRIMARY" and not self._closed:
            if not gate.wait(0.05):
                continue
            port = free_port()
            ours.task = start_task(self.images, self._environ, container, container["command"], port)
            self._say(f"has started 1 tasks: (task {ours.task.pid}).")
            if is_healthy(ours.task, port, lambda: self._closed):
                self._complete(ours, port)
                return
            ours.failed += 1
            code = ours.task.poll()
            self._say(f"has stopped 1 running tasks: (task {ours.task.pid}); its container ended with code {code}.")
            if ours.failed == TRIPS_AFTER:
                self._trip(ours)
                return

    def _complete(self, ours: Deployment, port: int) -> None:
        with self._lock:
            ours.state, ours.reason = "COMPLETED", f"ECS deployment {ours.id} completed."
            self.port = port
            self.completed.insert(0, ours)
            gone = [each for each in self.deployments if each is not ours]
            if self.deployments[0] is ours:
                self.deployments = [ours]
            self._say("has reached a steady state.")
        for each in gone:
            end_of(each.task)

    def _trip(self, ours: Deployment) -> None:
        with self._lock:
            ours.state, ours.reason = "FAILED", f"{BREAKER}: tasks failed to start."
            self._say(f"(deployment {ours.id}) deployment failed: tasks failed to start.")
            last = self.completed[0]
            back = Deployment(
                f"{last.id}0",
                last.definition,
                f"ECS deployment circuit breaker: rolling back to deploymentId {last.id}.",
            )
            back.task, ours.status = last.task, "ACTIVE"
            self.deployments = [back, ours]
            # its tasks run already, so it is completed at once
            back.state = "COMPLETED"

    def _say(self, text: str) -> None:
        with self._lock:
            self.events.insert(
                0, {"id": str(len(self.events)), "createdAt": time.time(), "message": f"(service api) {text}"}
            )

    def told(self, service: Json) -> Json:
        """The service as moto has it, with what a scheduler would have done."""
        with self._lock:
            desired = service["desiredCount"]
            deployments = [each.told(desired) for each in self.deployments]
            running = sum(each["runningCount"] for each in deployments)
            service = {**service, "taskDefinition": self.deployments[0].definition}
            return {**service, "deployments": deployments, "events": list(self.events), "runningCount": running}

    def close(self) -> None:
        """No task is left."""
        self._closed = True
        for thread in self._threads:
            thread.join(HEALTHY_LIMIT_S)
        for each in (*self.deployments, *self.completed):
            end_of(each.task)


class StandIn:
    """The server before moto. `fault`: what answers the next calls of an operation, by its name."""

    def __init__(self, moto: str, scheduler: Scheduler) -> None:
        self._moto = urlsplit(moto)
        self.scheduler = scheduler
        self.faults: dict[str, list[tuple[int, str]]] = {}
        self.asked: list[str] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Moto's answer, or ours."""
        operation = headers.get("X-Amz-Target", "").removeprefix(TARGET)
        self.asked.append(operation)
        if self.faults.get(operation):
            status, code = self.faults[operation].pop(0)
            return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"__type": code}).encode()
        own = getattr(self, f"_own_{operation}", None)
        if own is not None:
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(own(json.loads(body))).encode()
        status, sent, content = self._forward(method, path, headers, body)
        change = getattr(self, f"_after_{operation}", None)
        if change is not None and status == 200:
            content = json.dumps(change(json.loads(body), json.loads(content))).encode()
        return status, sent, content

    def _after_UpdateService(self, asked: Json, told: Json) -> Json:  # noqa: N802 - the operation's name
        service = told["service"]
        known = self.scheduler.deployments
        if asked.get("forceNewDeployment") or not known or known[0].definition != service["taskDefinition"]:
            self.scheduler.begin(service["taskDefinition"], self._container(service["taskDefinition"]))
        return {**told, "service": self.scheduler.told(service)}

    def _after_CreateService(self, _: Json, told: Json) -> Json:  # noqa: N802
        return self._after_UpdateService({"forceNewDeployment": True}, told)

    def _after_DescribeServices(self, _: Json, told: Json) -> Json:  # noqa: N802
        return {**told, "services": [self.scheduler.told(service) for service in told["services"]]}

    def _own_ListServiceDeployments(self, _: Json) -> Json:  # noqa: N802
        found = [
            {"createdAt": each.created, "targetServiceRevisionArn": self._revision(each), "status": "SUCCESSFUL"}
            for each in self.scheduler.completed
        ]
        return {"serviceDeployments": found}

    def _own_DescribeServiceRevisions(self, asked: Json) -> Json:  # noqa: N802
        found = {self._revision(each): each.definition for each in self.scheduler.completed}
        wanted = [{"serviceRevisionArn": arn, "taskDefinition": found[arn]} for arn in asked["serviceRevisionArns"]]
        return {"serviceRevisions": wanted}

    def _revision(self, deployment: Deployment) -> str:
        number = deployment.id.rpartition("/")[2]
        return f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/tabi-dev/tabi-dev-api/{number}"

    def _container(self, definition: str) -> Json:
        body = json.dumps({"taskDefinition": definition}).encode()
        headers = {"X-Amz-Target": f"{TARGET}DescribeTaskDefinition", "Content-Type": "application/x-amz-json-1.1"}
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/ecs/aws4_request, SignedHeaders=host, Signature=0"
        )
        _, _, content = self._forward("POST", "/", headers, body)
        container: Json = json.loads(content)["taskDefinition"]["containerDefinitions"][0]
        return container

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._moto.hostname or "", self._moto.port, timeout=30)
        try:
            connection.request(method, path, body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, {"Content-Type": response.getheader("Content-Type", "")}, response.read()
        finally:
            connection.close()


@contextmanager
def listening(stand_in: StandIn) -> Iterator[str]:
    """The address at which AWS is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            status, headers, content = stand_in.answer(self.command, self.path, kept, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with serving_in_background(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"
