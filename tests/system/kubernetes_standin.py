"""The few calls of the Kubernetes API that kubectl makes for a rollout, and a controller that runs pods.

No API server can be had here, so this is one of our own: it proves that the real kubectl does with our commands what we
take it to do, and that we read its answers rightly. Admission, rights, real scheduling and the controller's own timing
are not shown by it.

One Deployment with its ReplicaSets and events. A template that a patch has changed gets a ReplicaSet, or the one that
it had; a pod is a process of this machine. It is ready once /healthz answers; after `progressDeadlineSeconds` without
that the rollout is told to have failed, and the pods before run on.
"""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.system.tasks import Command, end_of, free_port, is_healthy, start_task

Json = dict[str, Any]
NUMBER = "deployment.kubernetes.io/revision"
RESOURCES = {"v1": {"events": "Event"}, "apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"}}


class Cluster:
    """The Deployment and what belongs to it. `unauthorized`: nobody is let in any more."""

    def __init__(self, deployment: Json, images: dict[str, Command], environ: dict[str, str]) -> None:
        self._images, self._environ = images, environ
        self._changed = threading.Condition()
        self._version = 0
        self._threads: list[threading.Thread] = []
        self._pods: dict[str, subprocess.Popen[bytes]] = {}
        self._closed = False
        self.unauthorized = False
        self.port = 0
        self.sets: list[Json] = []
        self.events: list[Json] = []
        self.deployment = deployment
        deployment["metadata"] |= {"uid": "u1", "generation": 1, "annotations": {}}
        deployment["status"] = {}
        self._template_changed()

    def patch(self, kind: str, body: Any) -> Json:
        """Change the Deployment as kubectl asks for it."""
        with self._changed:
            before = copy.deepcopy(self.deployment["spec"])
            if kind.startswith("application/json-patch"):
                for step in body:
                    replace_at(self.deployment, step["path"], step["value"])
            else:
                merge(self.deployment, body)
            if self.deployment["spec"] != before:
                self.deployment["metadata"]["generation"] += 1
                self._template_changed()
            return self.deployment

    def _template_changed(self) -> None:
        with self._changed:
            template = copy.deepcopy(self.deployment["spec"]["template"])
            digest = hashlib.sha256(json.dumps(said(template), sort_keys=True).encode()).hexdigest()[:10]
            name = f"{self.deployment['metadata']['name']}-{digest}"
            number = str(max([int(one["metadata"]["annotations"][NUMBER]) for one in self.sets], default=0) + 1)
            ours = next((one for one in self.sets if one["metadata"]["name"] == name), None)
            if ours is None:
                ours = self._made(name, digest, template)
            ours["metadata"]["annotations"][NUMBER] = number
            self.deployment["metadata"]["annotations"][NUMBER] = number
            self._tell(updated=0, ready=0)
            thread = threading.Thread(target=self._roll_out, args=(ours, number))
            self._threads.append(thread)
            thread.start()

    def _made(self, name: str, digest: str, template: Json) -> Json:
        template["metadata"].setdefault("labels", {})["pod-template-hash"] = digest
        owner = {"uid": "u1", "kind": "Deployment", "name": "tabi", "apiVersion": "apps/v1", "controller": True}
        metadata = {
            "name": name,
            "namespace": self.deployment["metadata"]["namespace"],
            "uid": digest,
            "labels": dict(template["metadata"]["labels"]),
            "annotations": {},
            "ownerReferences": [owner],
        }
        made = {"metadata": metadata, "spec": {"replicas": 1, "template": template}, "status": {"readyReplicas": 0}}
        self.sets.append(made)
        return made

    def _roll_out(self, ours: Json, number: str) -> None:
        container = ours["spec"]["template"]["spec"]["containers"][0]
        end = time.monotonic() + self.deployment["spec"]["progressDeadlineSeconds"]
        while not self._closed and self._is_newest(number):
            port = free_port()
            pod = start_task(self._images, self._environ, container, container["args"], port)
            if is_healthy(pod, port, lambda: self._closed or not self._is_newest(number)):
                self._ready(ours, pod, port)
                return
            end_of(pod)
            if time.monotonic() > end:
                self._late(ours)
                return
            time.sleep(0.2)

    def _is_newest(self, number: str) -> bool:
        return bool(self.deployment["metadata"]["annotations"][NUMBER] == number)

    def _ready(self, ours: Json, pod: subprocess.Popen[bytes], port: int) -> None:
        with self._changed:
            gone, self._pods, self.port = list(self._pods.values()), {ours["metadata"]["name"]: pod}, port
            for each in self.sets:
                each["status"]["readyReplicas"] = int(each is ours)
            self._tell(updated=1, ready=1)
        for before in gone:
            end_of(before)

    def _late(self, ours: Json) -> None:
        with self._changed:
            about = {"kind": "Pod", "name": f"{ours['metadata']['name']}-x2x4x", "namespace": "tabi-dev"}
            metadata = {
                "name": f"e{len(self.events)}",
                "namespace": "tabi-dev",
                "creationTimestamp": "2026-11-22T00:00:00Z",
            }
            told = {"type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container server"}
            self.events.append({"metadata": metadata, "involvedObject": about, **told})
            condition = {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
                "message": f'ReplicaSet "{ours["metadata"]["name"]}" has timed out progressing.',
            }
            self._tell(updated=1, ready=0, conditions=[condition])

    def _tell(self, *, updated: int, ready: int, conditions: list[Json] | None = None) -> None:
        self._version += 1
        before = int(bool(self._pods) and not (updated and ready))
        self.deployment["metadata"]["resourceVersion"] = str(self._version)
        self.deployment["status"] = {
            "observedGeneration": self.deployment["metadata"]["generation"],
            "replicas": updated + before,
            "updatedReplicas": updated,
            "readyReplicas": ready + before,
            "availableReplicas": ready + before,
            "conditions": conditions or [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}],
        }
        self._changed.notify_all()

    def watched(self, after: int) -> Iterator[Json]:
        """Each newer state of the Deployment."""
        while not self._closed:
            with self._changed:
                if self._version <= after:
                    self._changed.wait(1)
                    continue
                after = self._version
                found = copy.deepcopy(self.deployment)
            yield {"type": "MODIFIED", "object": found}

    def listed(self, resource: str) -> Json:
        """All of a kind."""
        items = {"deployments": [self.deployment], "replicasets": self.sets, "events": self.events}[resource]
        version, kind = next((v, kinds[resource]) for v, kinds in RESOURCES.items() if resource in kinds)
        full = [{"apiVersion": version, "kind": kind, **item} for item in items]
        metadata = {"resourceVersion": str(self._version)}
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": metadata, "items": full}

    def wait_ready(self, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while not self.port:
            assert time.monotonic() < end
            time.sleep(0.05)

    def close(self) -> None:
        """No pod is left, and nobody watches."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(30)
        for pod in self._pods.values():
            end_of(pod)


def said(document: Any) -> Any:
    """Without what says nothing: a client that knows the types writes null and {} where nothing stood."""
    if isinstance(document, list):
        return [said(each) for each in document]
    if not isinstance(document, dict):
        return document
    kept = {key: said(value) for key, value in document.items()}
    return {key: value for key, value in kept.items() if value not in (None, {}, [])}


def merge(into: Any, patch: Json) -> None:
    """A strategic merge patch, as far as a rollout needs it: containers are known by their names."""
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if key == "containers":
            for each in value:
                merge(next(one for one in into[key] if one["name"] == each["name"]), each)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def replace_at(document: Json, path: str, value: Any) -> None:
    *way, last = path.strip("/").split("/")
    for part in way:
        document = document[part]
    document[last] = value
