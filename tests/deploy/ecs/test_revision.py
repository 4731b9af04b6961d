"""A new revision is the one before, but for what was asked for; and an image has one meaning."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.deploy.ecs.revision import Wanted, changed, container_of, image_of, in_registry
from tabi.errors import DeployError

Json = dict[str, Any]
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tabi-dev-api"
IMAGE, OTHER = (f"{REPOSITORY}@sha256:{digit * 64}" for digit in "ab")
ACCEPTED = frozenset({"family", "containerDefinitions", "cpu", "volumes", "taskRoleArn"})


def definition(**container: Any) -> Json:
    """As DescribeTaskDefinition tells of one: with fields that a registration refuses."""
    ours = {"name": "api", "image": IMAGE, "command": ["serve", "adult"], "environment": [], "stopTimeout": 30}
    return {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/tabi-dev-api:7",
        "family": "tabi-dev-api",
        "revision": 7,
        "status": "ACTIVE",
        "requiresAttributes": [{"name": "x"}],
        "compatibilities": ["FARGATE"],
        "registeredBy": "somebody",
        "cpu": "512",
        "volumes": [{"name": "tmp"}],
        "taskRoleArn": "arn:aws:iam::123456789012:role/tabi-dev-task",
        "containerDefinitions": [{**ours, **container}, {"name": "sidecar", "image": OTHER, "essential": False}],
    }


def test_only_the_digest_differs() -> None:
    before = definition()
    made = changed(before, "api", Wanted(image=OTHER), ACCEPTED)
    assert made is not None
    assert set(made) == ACCEPTED
    assert image_of(made, "api") == OTHER
    made["containerDefinitions"][0]["image"] = IMAGE
    assert made == {key: value for key, value in before.items() if key in ACCEPTED}


def test_models_and_store_only_where_they_are_asked_for() -> None:
    before = definition(environment=[{"name": "TABI_WORKERS", "value": "2"}, {"name": "TABI_STORE", "value": "s3://a"}])
    made = changed(
        before, "api", Wanted(models=("adult", "credit-g@champion"), variables={"TABI_STORE": "s3://b"}), ACCEPTED
    )
    assert made is not None
    ours = made["containerDefinitions"][0]
    assert ours["command"] == ["serve", "adult", "credit-g@champion"]
    assert ours["environment"] == [
        {"name": "TABI_STORE", "value": "s3://b"},
        {"name": "TABI_WORKERS", "value": "2"},
    ]
    assert ours["image"] == IMAGE
    assert made["containerDefinitions"][1] == before["containerDefinitions"][1]


images = st.sampled_from(["", IMAGE, OTHER])
models = st.sampled_from([(), ("adult",), ("adult", "credit-g")])
stores = st.dictionaries(st.sampled_from(["TABI_STORE"]), st.sampled_from(["s3://a", "s3://b"]))


@given(images, models, stores)
def test_what_is_wanted_once_is_wanted_no_more(image: str, served: tuple[str, ...], variables: dict[str, str]) -> None:
    wanted, before = Wanted(image, served, variables), definition()
    kept = copy.deepcopy(before)
    made = changed(before, "api", wanted, ACCEPTED)
    assert before == kept
    if made is not None:
        assert changed({**before, **made}, "api", wanted, ACCEPTED) is None
    else:
        assert image in {"", IMAGE}
        assert served in {(), ("adult",)}
        assert not variables


def test_an_image_of_ecr_is_looked_for_in_its_registry_and_others_are_not() -> None:
    found = in_registry(IMAGE)
    assert found is not None
    assert (found.account, found.name, found.digest) == ("123456789012", "tabi-dev-api", "sha256:" + "a" * 64)
    assert in_registry(f"ghcr.io/harbour/tabi@sha256:{'a' * 64}") is None


def test_the_server_is_the_container_that_the_load_balancer_asks() -> None:
    assert container_of(definition(), {"loadBalancers": [{"containerName": "api"}]}) == "api"
    alone = definition()
    del alone["containerDefinitions"][1]
    assert container_of(alone, {}) == "api"
    with pytest.raises(DeployError, match="2 containers of tabi-dev-api:7"):
        container_of(definition(), {})
