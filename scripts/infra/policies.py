"""Policies of IAM: read as files, and held to least privilege.

A policy is a JSON file with places like ${bucket}; Terraform fills them in. So the files can be read without Terraform.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.infra.layers import TERRAFORM

GITHUB = "token.actions.githubusercontent.com"
# Actions for which AWS knows no resource. `python -m scripts.infra actions` asks a list of AWS's own.
NO_RESOURCE = {
    "ecr:GetAuthorizationToken": "a login is for the registry of the account, not for one repository",
    "ecs:DescribeTaskDefinition": "ECS knows no resource for reading a revision",
    "ecs:RegisterTaskDefinition": "ECS knows no resource for a revision that is not there yet; PassRole limits it",
    "logs:DescribeLogGroups": "it lists all groups; the service of flow logs looks for its own among them",
}
# the streams of one log group, the parameters below one path, the revisions of one task definition or one service
_INSIDE = re.compile(
    r"log-group:[^:*]+:\*|parameter[^*]+/\*|task-definition/[^:*]+:\*|service-revision/[^/*]+/[^/*]+/\*"
)
_SUBJECT = re.compile(r"repo:[\w.-]+/[\w.-]+:(environment:[a-z0-9-]+|ref:refs/heads/[\w./-]+|ref:refs/tags/v\*)")

Policy = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One statement, its lists as lists."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: dict[str, tuple[str, ...]]
    condition: dict[str, dict[str, Any]]


def files() -> list[Path]:
    """All policies, by path."""
    return sorted([*TERRAFORM.glob("*/policies/*.json"), *TERRAFORM.glob("modules/*/*.json")])


def places(file: Path) -> set[str]:
    """The names of what Terraform fills in."""
    return set(re.findall(r"\$\{(\w+)\}", file.read_text(encoding="utf-8")))


def read(file: Path, **values: str) -> Policy:
    """A policy with its places filled in; a place that is not named keeps its name."""
    text = file.read_text(encoding="utf-8")
    policy: Policy = json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[1]), text))
    return policy


def statements(policy: Policy) -> Iterator[Statement]:
    """The statements of a policy."""
    for one in policy["Statement"]:
        principal = one.get("Principal", {})
        named: dict[str, tuple[str, ...]]
        named = {"*": ("*",)} if principal == "*" else {kind: _list(names) for kind, names in principal.items()}
        yield Statement(
            sid=one.get("Sid", ""),
            effect=one["Effect"],
            actions=_list(one["Action"]),
            resources=_list(one.get("Resource", ())),
            principals=named,
            condition=one.get("Condition", {}),
        )


def problems(policy: Policy) -> list[str]:
    """What is more than it has to be. A statement that denies may say `all`."""
    found: list[str] = []
    if policy.get("Version") != "2012-10-17":
        found.append("the version of its language is not 2012-10-17")
    for statement in statements(policy):
        if statement.effect == "Allow":
            found.extend(f"{statement.sid or 'a statement'}: {problem}" for problem in _problems(statement))
    return found


def _problems(statement: Statement) -> Iterator[str]:
    if not statement.sid:
        yield "has no name"
    for action in statement.actions:
        if "*" in action:
            yield f"allows {action}"
    for resource in statement.resources:
        yield from _wide(resource, statement)
    if "*" in statement.principals and any(
        not resource.startswith("arn:aws:s3:::") for resource in statement.resources
    ):
        yield "allows anybody"
    if "Service" in statement.principals and "aws:SourceArn" not in _keys(statement):
        yield "a service is allowed for whomever it works"
    if "Federated" in statement.principals:
        yield from _token(statement)
    if "iam:PassRole" in statement.actions and "iam:PassedToService" not in _keys(statement):
        yield "roles may be passed to any service"


def _wide(resource: str, statement: Statement) -> Iterator[str]:
    if resource == "*":
        for action in sorted(set(statement.actions) - set(NO_RESOURCE)):
            yield f"allows {action} on everything"
    elif not resource.startswith("arn:aws:"):
        yield f"{resource} is no ARN"
    elif _several(resource):
        yield f"{resource} names more than one resource of its kind"


def _several(arn: str) -> bool:
    """Whether an ARN stands for several resources, and not for what lies inside one bucket, log group or path."""
    service, name = arn.split(":", 5)[2], arn.split(":", 5)[-1]
    if service == "s3":
        return "*" in name.split("/", maxsplit=1)[0]
    return "*" in name and not _INSIDE.fullmatch(name)


def _token(statement: Statement) -> Iterator[str]:
    audience = statement.condition.get("StringEquals", {}).get(f"{GITHUB}:aud")
    subject = statement.condition.get("StringLike", {}).get(f"{GITHUB}:sub")
    if statement.actions != ("sts:AssumeRoleWithWebIdentity",):
        yield "a token may do more than take the role"
    if audience != "sts.amazonaws.com":
        yield "a token for somebody else is accepted"
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        yield "the token's subject is not one environment, one branch or the tags v*"


def _keys(statement: Statement) -> set[str]:
    return {key for operator in statement.condition.values() for key in operator}


def _list(one: str | Sequence[str]) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else tuple(one)
