"""The stand-in of `kubernetes_standin.py` over HTTP, as kubectl asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.system.kubernetes_standin import RESOURCES, Cluster, Json
from tests.system.tasks import serving_in_background

APPS = "/apis/apps/v1/namespaces"


def discovery(path: str) -> Json | None:
    """What there is, for a client that asks at first."""
    groups = {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        preferred = {"preferredVersion": groups["versions"][0]}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{**groups, **preferred}]}
    version = {"/api/v1": "v1", "/apis/apps/v1": "apps/v1"}.get(path)
    if version is None:
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"} if path == "/version" else None
    verbs = ["get", "list", "watch", "patch"]
    kinds = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
        for name, kind in RESOURCES[version].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": kinds}


class Handler(BaseHTTPRequestHandler):
    """Of one cluster, which a subclass names."""

    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked, found = parse_qs(address.query), discovery(address.path)
        resource = address.path.rpartition("/")[2]
        if self.cluster.unauthorized:
            self.refuse("Unauthorized", 401)
        elif found is not None:
            self.answer(found)
        elif asked.get("watch") and resource == "deployments":
            self.watch(int(asked.get("resourceVersion", ["0"])[0]))
        elif resource in {"deployments", "replicasets", "events"}:
            self.answer(self.cluster.listed(resource))
        elif address.path == f"{APPS}/tabi-dev/deployments/tabi":
            self.answer({"apiVersion": "apps/v1", "kind": "Deployment", **self.cluster.deployment})
        else:
            self.refuse("NotFound", 404)

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = self.cluster.patch(self.headers["Content-Type"], body)
        self.answer({"apiVersion": "apps/v1", "kind": "Deployment", **made})

    def watch(self, after: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in self.cluster.watched(after):
            event["object"] |= {"apiVersion": "apps/v1", "kind": "Deployment"}
            try:
                self.wfile.write(json.dumps(event).encode() + b"\n")
                self.wfile.flush()
            except OSError:
                return

    def refuse(self, reason: str, code: int) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
        self.answer({**status, "reason": reason, "message": reason, "code": code}, code)

    def answer(self, document: Json, status: int = 200) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def api_server(cluster: Cluster) -> Iterator[str]:
    """Its address."""
    handler = type("OfThisCluster", (Handler,), {"cluster": cluster})
    with serving_in_background(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as port:
        yield f"http://127.0.0.1:{port}"
