"""What a cluster's answers mean, what variables say, and what kubectl's complaints become."""

from __future__ import annotations

from typing import Any

import pytest

from tabi.deploy.kubernetes.kubectl import failed
from tabi.deploy.kubernetes.place import Place, place_of
from tabi.deploy.kubernetes.state import is_complete, revisions, settled
from tabi.errors import ConfigError, NotFoundError

Json = dict[str, Any]
URL = {"TABI_KUBE_URL": "https://tabi.example/"}


def deployment(generation: int = 2, seen: int = 2, **status: int) -> Json:
    return {
        "metadata": {"uid": "ours", "generation": generation},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": seen, **status},
    }


def replica_set(name: str, number: int, ready: int = 0, owner: str = "ours") -> Json:
    containers = [{"name": "proxy", "image": "p"}, {"name": "server", "image": f"tabi@sha256:{number}"}]
    return {
        "metadata": {
            "name": name,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{"uid": owner}],
        },
        "spec": {"template": {"spec": {"containers": containers}}},
        "status": {"readyReplicas": ready},
    }


DONE = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("told", "complete"),
    [
        (deployment(**DONE), True),
        # the controller has not looked at the newest template yet
        (deployment(generation=3, **DONE), False),
        (deployment(**{**DONE, "updatedReplicas": 1}), False),
        # pods of the one before have not ended yet
        (deployment(**{**DONE, "replicas": 3}), False),
        (deployment(**{**DONE, "availableReplicas": 1}), False),
        (deployment(), False),
    ],
)
def test_a_rollout_is_complete_by_the_rule_of_kubectl(told: Json, complete: bool) -> None:
    assert is_complete(told) == complete


def test_what_answers_is_the_newest_only_once_its_rollout_is_complete() -> None:
    sets = {
        "items": [replica_set("a", 1, 2), replica_set("c", 3), replica_set("b", 2), replica_set("x", 9, 2, "other")]
    }
    found = revisions(deployment(), sets, "server")
    assert [each.name for each in found] == ["c", "b", "a"]
    assert found[0].image == "tabi@sha256:3"
    going, done = settled(deployment(), found), settled(deployment(**DONE), found)
    assert going is not None
    assert done is not None
    assert (going.name, done.name) == ("a", "c")
    # the first of all has none before it
    only = settled(deployment(), found[:1])
    assert only is not None
    assert only.name == "c"
    assert settled(deployment(), []) is None


def test_the_place_is_by_the_overlays_names_unless_variables_say_another() -> None:
    assert place_of("dev", URL) == Place("", "tabi-dev", "tabi", "server", "https://tabi.example")
    own = {
        "TABI_KUBE_NAMESPACE": "n",
        "TABI_KUBE_DEPLOYMENT": "d",
        "TABI_KUBE_CONTAINER": "c",
        "TABI_KUBE_CONTEXT": "x",
    }
    assert place_of("dev", {**URL, **own, "TABI_KUBE_SECONDS": "9"}) == Place(
        "x", "n", "d", "c", "https://tabi.example", 9
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"TABI_KUBE_URL": ""}, "TABI_KUBE_URL"),
        ({"TABI_KUBE_NAMESPACE": "--all"}, "TABI_KUBE_NAMESPACE"),
        ({"TABI_KUBE_SECONDS": "soon"}, "TABI_KUBE_SECONDS"),
        ({"TABI_KUBE_SECONDS": "0"}, "TABI_KUBE_SECONDS"),
    ],
)
def test_a_variable_that_means_nothing_is_named(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        place_of("dev", {**URL, **wrong})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("error: You must be logged in to the server (Unauthorized)", "log in to the cluster again"),
        ('Error from server (Forbidden): deployments "tabi" is forbidden: User "u" cannot patch', "may not do that"),
        ("The connection to the server x was refused - dial tcp: connection refused", "nobody answers there"),
        ("error: context was not found for specified context: x", "TABI_KUBE_CONTEXT"),
        ("error: something\nelse", "something else"),
    ],
)
def test_a_complaint_of_kubectl_is_one_line_of_what_to_do(said: str, told: str) -> None:
    found = str(failed("read deployment", said))
    assert found.startswith("cannot read deployment: ")
    assert told in found
    assert "\n" not in found


def test_what_is_not_there_is_not_found() -> None:
    said = 'Error from server (NotFound): deployments.apps "tabi" not found'
    assert isinstance(failed("read deployment", said), NotFoundError)
