"""Policies of IAM as files: least privilege, and a check that sees what is too much."""

from __future__ import annotations

import copy
import re
from typing import Any

import boto3
import pytest
from botocore import xform_name

from scripts.infra import checks, policies, tables
from scripts.infra.layers import ROOT, TERRAFORM

DEPLOY = TERRAFORM / "50-cicd" / "policies" / "deploy.json"
TRUST = TERRAFORM / "modules" / "github-role" / "trust-github.json"
ECS = ROOT / "src" / "tabi" / "deploy" / "ecs"
GITHUB = "token.actions.githubusercontent.com"


def allow(**changes: Any) -> policies.Policy:
    statement = {"Sid": "One", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/models/*"}
    return {"Version": "2012-10-17", "Statement": [statement | changes]}


def trust(subject: str, audience: str = "sts.amazonaws.com", **changes: Any) -> policies.Policy:
    policy = policies.read(TRUST, provider="arn:aws:iam::1:oidc-provider/github", subject=subject)
    statement = policy["Statement"][0]
    statement["Condition"]["StringEquals"][f"{GITHUB}:aud"] = audience
    return {**policy, "Statement": [statement | changes]}


def test_every_policy_is_least_privileged() -> None:
    assert checks.check_policies() == f"{len(policies.files())} policies are least-privileged"
    assert len(policies.files()) >= 13


def test_what_is_no_more_than_needed_has_no_problem() -> None:
    assert policies.problems(allow()) == []
    assert policies.problems(allow(Action="ecr:GetAuthorizationToken", Resource="*")) == []
    assert policies.problems(allow(Effect="Deny", Principal="*", Action="s3:*", Resource="*")) == []
    assert policies.problems(trust("repo:harbour/tabi:environment:prod")) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Action": "*"}, "allows *"),
        ({"Action": ["s3:GetObject", "s3:Put*"]}, "allows s3:Put*"),
        ({"Resource": "*"}, "allows s3:GetObject on everything"),
        ({"Resource": "arn:aws:s3:::*"}, "names more than one resource of its kind"),
        ({"Resource": "arn:aws:s3:::tabi-*/models"}, "names more than one resource of its kind"),
        ({"Action": "ecr:PutImage", "Resource": "arn:aws:ecr:r:1:repository/*"}, "names more than one resource"),
        ({"Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:r:1:log-group:*"}, "names more than one resource"),
        ({"Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:r:1:parameter/*"}, "names more than one resource"),
        (
            {"Action": "ecs:TagResource", "Resource": "arn:aws:ecs:r:1:task-definition/*"},
            "names more than one resource",
        ),
        (
            {"Action": "ecs:DescribeServiceRevisions", "Resource": "arn:aws:ecs:r:1:service-revision/c/*"},
            "names more than one resource",
        ),
        ({"Resource": "models"}, "is no ARN"),
        ({"Sid": ""}, "has no name"),
        ({"Principal": "*", "Resource": "arn:aws:sns:r:1:topic"}, "allows anybody"),
        ({"Principal": {"Service": "events.amazonaws.com"}}, "a service is allowed for whomever it works"),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::1:role/a"}, "roles may be passed to any service"),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::1:role/*"}, "roles may be passed to any service"),
    ],
)
def test_what_is_too_much_is_told(changes: dict[str, Any], told: str) -> None:
    assert any(told in problem for problem in policies.problems(allow(**changes)))


@pytest.mark.parametrize(
    "policy",
    [
        trust("repo:harbour/tabi:*"),
        trust("repo:harbour/*:environment:prod"),
        trust("*"),
        trust("repo:harbour/tabi:pull_request"),
        trust("repo:harbour/tabi:ref:refs/heads/*"),
        trust("repo:harbour/tabi:environment:prod", audience="everybody"),
        trust("repo:harbour/tabi:environment:prod", Condition={}),
        trust("repo:harbour/tabi:environment:prod", Action=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]),
    ],
    ids=["any ref", "any repository", "anything", "pull request", "any branch", "audience", "no condition", "more"],
)
def test_a_role_is_not_taken_with_another_token(policy: policies.Policy) -> None:
    assert policies.problems(policy)


def test_deploy_passes_the_two_roles_of_the_service_to_tasks_only() -> None:
    [passing] = [one for one in policies.statements(policies.read(DEPLOY)) if "iam:PassRole" in one.actions]
    assert passing.resources == ("arn:aws:iam::account:role/role_execution", "arn:aws:iam::account:role/role_task")
    assert passing.condition == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_deploy_has_the_rights_that_its_calls_need_and_no_others() -> None:
    calls = "\n".join(path.read_text(encoding="utf-8") for path in ECS.glob("*.py"))
    called = {
        f"{service}:{operation}"
        for service in ("ecs", "ecr", "ssm")
        for operation in boto3.client(service, region_name="r").meta.service_model.operation_names
        if re.search(rf"\b{xform_name(operation)}\b", calls)
    }
    statements = list(policies.statements(policies.read(DEPLOY)))
    allowed = {action for one in statements for action in one.actions}
    # a registration passes two roles and carries the tags of the revision before; the smoke test knows the bundle
    assert allowed == called | {"ecs:TagResource", "iam:PassRole", "s3:GetObject", "s3:ListBucket"}
    [tagging] = [one for one in statements if "ecs:TagResource" in one.actions]
    assert tagging.resources == ("arn:aws:ecs:region:account:task-definition/service:*",)
    assert tagging.condition == {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}


def test_nobody_may_delete_or_change_permissions() -> None:
    harmless = ("Get", "List", "Describe", "Batch", "Put", "Create", "Initiate", "Upload", "Complete", "Assume")
    own = {"ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService", "iam:PassRole", "sns:Publish"}
    for file in policies.files():
        for one in policies.statements(policies.read(file)):
            for action in one.actions if one.effect == "Allow" else ():
                service, verb = action.split(":")
                assert action in own or (verb.startswith(harmless) and service != "iam"), f"{file.name}: {action}"


def test_the_store_is_read_by_the_server_and_written_by_push_s3_alone() -> None:
    writers = {
        file.stem
        for file in policies.files()
        for one in policies.statements(policies.read(file))
        if one.effect == "Allow" and "s3:PutObject" in one.actions
    }
    assert writers == {"push-s3"}


def test_terraform_fills_in_every_place() -> None:
    for file in policies.files():
        filled = policies.read(file, **dict.fromkeys(policies.places(file), "filled"))
        assert "${" not in str(filled)
        assert filled != copy.deepcopy(policies.read(file)) or not policies.places(file)


def test_the_page_of_security_has_the_permissions_as_they_are() -> None:
    text = tables.PAGE.read_text(encoding="utf-8")
    assert tables.replaced(text) == text, "run python -m scripts.infra.tables"
