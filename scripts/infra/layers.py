"""The layers of infra/terraform: their order, and a copy of them that speaks to an emulator of AWS."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
LAYERS = tuple(sorted(folder.name for folder in TERRAFORM.iterdir() if re.match(r"\d\d-", folder.name)))
# What may be applied side by side: each chain is in order, and only the first hands something over.
CHAINS = (
    ("00-network", "30-ecs-alb-mlops", "40-observability"),
    ("10-storage", "20-ecr", "50-cicd"),
)

_PROVIDER = """\
# moto answers under one name, so a bucket is part of the path
provider "aws" {
  s3_use_path_style = true
}
"""
# What moto accepts and does not give back. AWS does; without these lines the second plan would show them as drift.
_FORGOTTEN: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {
    "00-network": {
        ("aws_vpc_security_group_ingress_rule", "service_from_balancer"): ("description",),
        ("aws_vpc_security_group_ingress_rule", "endpoints_from_service"): ("description",),
        ("aws_vpc_security_group_egress_rule", "balancer_to_service"): ("description",),
        ("aws_vpc_security_group_egress_rule", "service_to_endpoints"): ("description",),
        ("aws_vpc_security_group_egress_rule", "service_to_s3"): ("description",),
    },
    "30-ecs-alb-mlops": {
        # the first two are the layer's own, which an override has to repeat
        ("aws_ecs_service", "api"): (
            "task_definition",
            "desired_count",
            "availability_zone_rebalancing",
            "health_check_grace_period_seconds",
        ),
    },
}


def copy(folder: Path, *, emulated: bool = False) -> Path:
    """The layers in `folder`, so that nothing is written beside their sources."""
    junk = shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfplan")
    made = Path(shutil.copytree(TERRAFORM, folder / "terraform", ignore=junk))
    for layer in LAYERS if emulated else ():
        (made / layer / "moto_override.tf").write_text(_override(layer), encoding="utf-8")
    return made


def _override(layer: str) -> str:
    blocks = [
        f'resource "{kind}" "{name}" {{\n  lifecycle {{\n    ignore_changes = [{", ".join(attributes)}]\n  }}\n}}\n'
        for (kind, name), attributes in _FORGOTTEN.get(layer, {}).items()
    ]
    return "\n".join([_PROVIDER, *blocks])


def resource_types() -> dict[str, set[str]]:
    """The types of resources in the sources, and in which folders each is."""
    found: dict[str, set[str]] = {}
    for file in sorted(TERRAFORM.rglob("*.tf")):
        folder = str(file.parent.relative_to(TERRAFORM))
        if ".terraform" not in file.parts:
            for kind in re.findall(r'^resource "(\w+)" "\w+"', file.read_text(encoding="utf-8"), flags=re.MULTILINE):
                found.setdefault(kind, set()).add(folder)
    return found
