"""`tabi deploy --target kubernetes` as a command, by the real kubectl, against an API server that is stood in for.

`kubernetes_standin.py` says what that proves and what it does not.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.infra.test_kubernetes import KUBERNETES
from tests.serving.conftest import Harbour, harbour, own_harbour
from tests.system.cloud import LIMIT_S, NAME, home
from tests.system.conftest import give_up
from tests.system.debian import install_in_ci
from tests.system.kubernetes_api import api_server
from tests.system.kubernetes_standin import Cluster
from tests.system.tasks import balancing, environ_of_tasks

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
__all__ = ["harbour", "home", "own_harbour"]

FIRST, SECOND, BROKEN = (f"registry.example/tabi@sha256:{digit * 64}" for digit in "abc")
WELL = [sys.executable, "-m", "tabi"]
IMAGES = {
    FIRST.partition("@")[2]: lambda arguments: [*WELL, *arguments],
    SECOND.partition("@")[2]: lambda arguments: [*WELL, *arguments],
    BROKEN.partition("@")[2]: lambda _: [sys.executable, "-c", "raise SystemExit(78)"],
}


@dataclass
class Served:
    """A Deployment whose pod is ready."""

    cluster: Cluster
    environ: dict[str, str]
    home: Path
    url: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "tabi", *command, "--target", "kubernetes")
        return subprocess.run(
            command, env=self.environ, cwd=self.home, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def image(self) -> str:
        """The image of the template."""
        return str(self.cluster.deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    def answers_by(self) -> str:
        with urlopen(f"{self.url}/readyz", timeout=10) as response:  # noqa: S310 - our own server
            return str(json.loads(response.read())["models"][0]["version"])

    def files(self, what: str) -> list[Path]:
        return sorted((self.home / "docs" / "evidence").glob(f"dev_kubernetes_{what}_*.json"))


def deployment(home: Path) -> dict[str, Any]:
    """That of infra/kubernetes/base, with the labels of its kustomization, one pod, and paths of this machine."""
    made: dict[str, Any] = yaml.safe_load((KUBERNETES / "base" / "deployment.yaml").read_text(encoding="utf-8"))
    labels = {"app.kubernetes.io/name": "tabi", "app.kubernetes.io/component": "server"}
    made["metadata"] |= {"namespace": "tabi-dev", "labels": dict(labels)}
    made["spec"] |= {"replicas": 1, "selector": {"matchLabels": labels}, "progressDeadlineSeconds": 1}
    template = made["spec"]["template"]
    template["metadata"] = {"labels": dict(labels)}
    (container,) = template["spec"]["containers"]
    container |= {"image": FIRST, "args": ["serve", NAME]}
    places = {"TABI_STORE": str(home / "store"), "TABI_PREDICTIONS": str(home / "predicted")}
    container["env"] = [each for each in container["env"] if each["name"] not in places]
    container["env"] += [{"name": name, "value": value} for name, value in places.items()]
    return made


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    if shutil.which("kubectl") is None:
        install_in_ci("kubernetes-client")
    if shutil.which("kubectl") is None:
        give_up("there is no kubectl")
    with ExitStack() as held:
        cluster = Cluster(deployment(home), IMAGES, environ_of_tasks())
        address = held.enter_context(api_server(cluster))
        held.callback(cluster.close)
        url = held.enter_context(balancing(cluster))
        named = {"name": "test", "context": {"cluster": "test", "user": "test"}}
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": address}}],
            "users": [{"name": "test", "user": {"token": "t"}}],
            "contexts": [named],
        }
        (home / "kubeconfig").write_text(yaml.safe_dump(configuration))
        environ = {
            **environ_of_tasks(),
            "HOME": str(home),
            "KUBECONFIG": str(home / "kubeconfig"),
            "TABI_KUBE_CONTEXT": "test",
            "TABI_KUBE_URL": url,
            "TABI_KUBE_SECONDS": "30",
            "TABI_HOME": str(home),
            "TABI_TRACKING_URI": "http://127.0.0.1:9",
        }
        cluster.wait_ready(LIMIT_S)
        yield Served(cluster, environ, home, url)


def test_a_new_image_and_model_then_both_back_then_anew(served: Served, harbour: Harbour) -> None:
    newer = served.run("deploy", NAME, "--image", SECOND, "--version", "2")
    assert newer.returncode == 0, newer.stderr
    assert "successfully rolled out" in newer.stderr
    assert (served.image(), served.answers_by()) == (SECOND, harbour.newer)
    (record,) = served.files("deploy_success")
    first, second = (each["metadata"]["name"] for each in served.cluster.sets)
    told = json.loads(record.read_text(encoding="utf-8"))
    assert (told["before"], told["revision"], told["image"]) == (first, second, SECOND)

    back = served.run("rollback", NAME, "--reason", "errors after the release")
    assert back.returncode == 0, back.stderr
    assert (served.image(), served.answers_by()) == (FIRST, harbour.newer)
    # Kubernetes numbers what it returns to anew; the name is the same
    assert served.cluster.deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert json.loads(served.files("rollback_to_prev")[0].read_text(encoding="utf-8"))["revision"] == first

    anew = served.run("deploy", NAME)
    assert anew.returncode == 0, anew.stderr
    assert len(served.files("force_new_success")) == 1
    assert len(served.cluster.sets) == 3


def test_a_rollout_that_does_not_progress_is_taken_back_with_what_the_cluster_says(served: Served) -> None:
    failed = served.run("deploy", NAME, "--image", BROKEN)
    assert failed.returncode == 1
    line = failed.stderr.splitlines()[-1]
    assert "exceeded its progress deadline" in line
    assert "BackOff: Back-off restarting failed container" in line
    assert served.image() == FIRST
    assert served.answers_by()
    assert len(served.files("deploy_failure")) == 1


def test_one_that_was_killed_is_seen_and_rolled_back(served: Served) -> None:
    command = [sys.executable, "-m", "tabi", "deploy", NAME, "--image", BROKEN, "--target", "kubernetes"]
    served.cluster.deployment["spec"]["progressDeadlineSeconds"] = 60
    process = subprocess.Popen(command, env=served.environ, cwd=served.home, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + LIMIT_S
    while served.image() != BROKEN:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LIMIT_S)
    back = served.run("rollback", NAME, "--reason", "it was cut")
    assert back.returncode == 0, back.stderr
    assert "was cut" in back.stderr
    assert served.image() == FIRST


def test_what_cannot_be_asked_is_one_line_of_what_to_do(served: Served) -> None:
    tagged = served.run("deploy", NAME, "--image", "sha256:" + "a" * 64)
    assert (tagged.returncode, "by its digest" in tagged.stderr) == (2, True)
    served.environ["TABI_KUBE_DEPLOYMENT"] = "other"
    absent = served.run("deploy", NAME, "--image", SECOND)
    assert (absent.returncode, "it is not there" in absent.stderr) == (2, True), absent.stderr
    del served.environ["TABI_KUBE_DEPLOYMENT"]
    served.cluster.unauthorized = True
    expired = served.run("deploy", NAME, "--image", SECOND)
    assert expired.returncode == 1
    assert "log in to the cluster again" in expired.stderr
    assert len(expired.stderr.splitlines()) == 1
    assert served.image() == FIRST
