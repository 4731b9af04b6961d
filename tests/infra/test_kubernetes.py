"""What is written for Kubernetes keeps our own rules; whether Kubernetes takes it is asked in tests/system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).resolve().parents[2] / "infra" / "kubernetes"
WRITTEN = sorted(path for path in KUBERNETES.rglob("*.yaml") if "chart" not in path.parts)
DEPLOYMENT = KUBERNETES / "base" / "deployment.yaml"
KSERVE = KUBERNETES / "kserve" / "inferenceservice.yaml"

Json = dict[str, Any]


def pod(path: Path) -> Json:
    spec: Json = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
    found: Json = spec["predictor"] if "predictor" in spec else spec["template"]["spec"]
    return found


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every text below a value, with its key."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (
                ((key, text) for _, text in strings(each)) if not isinstance(each, dict | list) else strings(each)
            )
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    else:
        yield "", str(value)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_image_is_named_by_digest(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        images = [text for key, text in strings(document) if key == "image"]
        assert all(re.fullmatch(r"[a-z0-9./_-]+@sha256:[0-9a-f]{64}", image) for image in images)
    assert "newTag" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [DEPLOYMENT, KSERVE], ids=lambda path: path.parent.name)
def test_a_pod_may_nothing_that_it_does_not_need(path: Path) -> None:
    spec = pod(path)
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 10_000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
    assert mounts == {"/app/store": True, "/predictions": False, "/tmp": False}  # noqa: S108
    assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("path", [DEPLOYMENT, KSERVE], ids=lambda path: path.parent.name)
def test_what_the_server_is_told_agrees_with_what_is_mounted(path: Path) -> None:
    spec = pod(path)
    (container,) = spec["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {variables["TABI_STORE"], variables["TABI_PREDICTIONS"]} <= mounts
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    assert int(variables["TABI_PORT"]) == container["ports"][0]["containerPort"]


def test_a_pod_has_time_to_end() -> None:
    from tabi.serving.settings import Limits

    spec = pod(DEPLOYMENT)
    pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= pause + Limits().grace


def test_a_predictor_of_kserve_is_asked_by_the_protocol_that_it_speaks() -> None:
    (container,) = pod(KSERVE)["containers"]
    assert {"name": "PROTOCOL", "value": "v2"} in container["env"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_argo_cd_follows_an_overlay_that_is_there() -> None:
    spec = yaml.safe_load((KUBERNETES / "argocd" / "application.yaml").read_text(encoding="utf-8"))["spec"]
    overlay = KUBERNETES.parents[1] / spec["source"]["path"]
    assert yaml.safe_load((overlay / "kustomization.yaml").read_text())["namespace"] == spec["destination"]["namespace"]


def test_the_network_lets_in_two_namespaces_and_out_nothing() -> None:
    spec = yaml.safe_load((KUBERNETES / "base" / "network.yaml").read_text(encoding="utf-8"))["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == []
    (rule,) = spec["ingress"]
    assert len(rule["from"]) == 2
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]
