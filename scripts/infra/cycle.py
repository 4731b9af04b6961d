"""All layers applied, planned again and destroyed, against an emulator of AWS."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from scripts.infra import policies
from scripts.infra.command import CheckError, environment, terraform, versions
from scripts.infra.emulator import ACCOUNT, REGION, Emulator, emulator
from scripts.infra.layers import CHAINS, LAYERS, copy
from tabi.deploy.ecs.target import EcsTarget

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/tabi-dev-api@sha256:{hashlib.sha256(b'an image').hexdigest()}"
_EXTRA = {"30-ecs-alb-mlops": (f"-var=image={IMAGE}",)}
_COUNTS = re.compile(r"Resources: (\d+) added|Destroy complete! Resources: (\d+) destroyed")


@dataclass
class Result:
    """What was done with one layer: resources and seconds."""

    layer: str
    applied: int = 0
    destroyed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Cycle:
    """The whole: layers in their order, versions, facts asked of the emulator, seconds from start to end."""

    results: tuple[Result, ...]
    versions: str
    policies: int
    left: dict[str, int]
    seconds: float


class CycleError(CheckError):
    """A work of the cycle has failed. `reason`: for evidence, without what the command printed."""

    def __init__(self, work: str, reason: str, text: str) -> None:
        super().__init__(text)
        self.work = work
        self.reason = reason


class _Layers:
    """The layers of one copy, against one emulator."""

    def __init__(self, folder: Path, aws: Emulator) -> None:
        self.root = copy(folder, emulated=True)
        self._environ = {**environment(folder), **aws.environ}
        self._aws = aws
        self.results = {layer: Result(layer) for layer in LAYERS}

    def apply(self, layer: str) -> None:
        """Make it."""
        backend = self.root / layer / "moto.tfbackend"
        backend.write_text(self._aws.backend(f"dev/{layer}.tfstate"), encoding="utf-8")
        started = monotonic()
        self._terraform(layer, "init", "-lockfile=readonly", f"-backend-config={backend}")
        said = self._terraform(layer, "apply", "-auto-approve", *_variables(layer))
        self.results[layer].applied = _count(said)
        self.results[layer].seconds["apply"] = monotonic() - started

    def plan(self, layer: str) -> None:
        """Plan it again: `CheckError` with the plan if anything is to be changed."""
        started = monotonic()
        self._terraform(layer, "plan", "-detailed-exitcode", "-lock=false", *_variables(layer))
        self.results[layer].seconds["second plan"] = monotonic() - started

    def destroy(self, layer: str) -> None:
        """Remove it. The second plan has just looked at what is there."""
        started = monotonic()
        said = self._terraform(layer, "destroy", "-auto-approve", "-refresh=false", *_variables(layer))
        self.results[layer].destroyed = _count(said)
        self.results[layer].seconds["destroy"] = monotonic() - started

    def versions(self) -> str:
        """Terraform's and the provider's."""
        return versions(self.root / LAYERS[0], self._environ)

    def _terraform(self, layer: str, *arguments: str) -> str:
        return terraform(self.root / layer, *arguments, environ=self._environ)


def cycle(folder: Path, say: Callable[[str], None]) -> Cycle:
    """Apply all layers, plan them again, look at what is there, destroy them all, and look again."""
    started = monotonic()
    with emulator() as aws:
        layers = _Layers(folder, aws)
        _side_by_side(CHAINS, (layers.apply, layers.plan), say)
        checked = check_policies(aws)
        check_network(aws)
        say(f"{checked} policies in force are least-privileged; the service accepts the load balancer only")
        say(f"tabi deploy finds {check_handover(aws)}")
        _side_by_side(tuple(tuple(reversed(chain)) for chain in CHAINS), (layers.destroy,), say)
        left = aws.left()
        if any(left.values()):
            raise CycleError("destroy", "destroy has left something", f"destroy has left something: {left}")
        return Cycle(tuple(layers.results.values()), layers.versions(), checked, left, monotonic() - started)


def check_policies(aws: Emulator) -> int:
    """Every policy as AWS holds it, places filled in: how many there are. `CheckError` if one allows too much."""
    found: dict[str, policies.Policy] = {}
    iam = aws.client("iam")
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        found[f"{name}, trust"] = role["AssumeRolePolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            held = iam.get_role_policy(RoleName=name, PolicyName=policy)
            found[f"{name}, {policy}"] = held["PolicyDocument"]
        if iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            raise CheckError(f"the role {name} has a policy that is not of this repository")
    wrong = [f"{name}: {problem}" for name, policy in found.items() for problem in policies.problems(policy)]
    if wrong or not found:
        raise CheckError("\n".join(wrong or ["there are no policies"]))
    return len(found)


def check_network(aws: Emulator) -> None:
    """The service's group as AWS holds it has one way in, and that is the balancer's group."""
    ec2 = aws.client("ec2")
    groups: dict[str, Any] = {group["GroupName"]: group for group in ec2.describe_security_groups()["SecurityGroups"]}
    service, balancer = groups["tabi-dev-service"], groups["tabi-dev-balancer"]
    ways_in = [
        (pair.get("GroupId"), rule["FromPort"], rule["ToPort"])
        for rule in service["IpPermissions"]
        for pair in [*rule["UserIdGroupPairs"], *rule["IpRanges"], *rule["Ipv6Ranges"], *rule["PrefixListIds"]]
    ]
    if ways_in != [(balancer["GroupId"], 8000, 8000)]:
        raise CheckError(f"the service can be reached otherwise than by the load balancer: {json.dumps(ways_in)}")


def check_handover(aws: Emulator) -> str:
    """What `tabi deploy --target ecs` finds by what Terraform has handed over: service, revision and address."""
    with _variables_of(aws.environ):
        found = EcsTarget("dev").current()
    if found is None or found.image != IMAGE or not found.address.startswith("http"):
        raise CheckError(f"tabi deploy does not find the image of the applied service, but {found}")
    return f"{found.revision.rpartition('/')[2]} at its load balancer"


@contextmanager
def _variables_of(environ: Mapping[str, str]) -> Iterator[None]:
    """Have this process ask the emulator, while it lasts."""
    before = {name: os.environ.get(name) for name in environ}
    _set(environ)
    try:
        yield
    finally:
        _set(before)


def _set(environ: Mapping[str, str | None]) -> None:
    """Set variables; an empty one is taken away, for a profile without a name would be looked for."""
    for name, text in environ.items():
        if text:
            os.environ[name] = text
        else:
            os.environ.pop(name, None)


def _side_by_side(
    chains: tuple[tuple[str, ...], ...], works: tuple[Callable[[str], None], ...], say: Callable[[str], None]
) -> None:
    """Chains side by side; in a chain one work after another, each on all layers in order."""

    def follow(chain: tuple[str, ...]) -> None:
        for work in works:
            for layer in chain:
                started = monotonic()
                try:
                    work(layer)
                except CheckError as error:
                    raise CycleError(work.__name__, f"{work.__name__} of {layer} failed", str(error)) from None
                say(f"{work.__name__:8} {layer:18} {monotonic() - started:5.1f} s")

    with ThreadPoolExecutor(len(chains)) as pool:
        for done in [pool.submit(follow, chain) for chain in chains]:
            done.result()


def _variables(layer: str) -> tuple[str, ...]:
    shared = ("-var-file=../env/dev.tfvars", "-var-file=dev.tfvars", f"-var=account_id={ACCOUNT}")
    return (*shared, *_EXTRA.get(layer, ()))


def _count(said: str) -> int:
    found = _COUNTS.search(said)
    if found is None:
        raise CheckError(f"terraform does not say how many resources it has changed: {said[-500:]}")
    return int(found[1] or found[2])
