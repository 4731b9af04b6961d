"""The sources of infra/terraform, read as text: what holds without Terraform."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from scripts.infra import layers
from scripts.infra.layers import LAYERS, ROOT, TERRAFORM
from tabi.serving.settings import Limits

SOURCES = sorted(chain(TERRAFORM.rglob("*.tf"), TERRAFORM.rglob("*.tfvars"), TERRAFORM.rglob("*.json")))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_layers_are_those_that_there_are_to_be() -> None:
    assert LAYERS == ("00-network", "10-storage", "20-ecr", "30-ecs-alb-mlops", "40-observability", "50-cicd")
    assert sorted(chain.from_iterable(layers.CHAINS)) == sorted(LAYERS)


@pytest.mark.parametrize("name", ["common.tf", ".terraform.lock.hcl"])
def test_what_layers_share_is_the_same_to_the_last_byte(name: str) -> None:
    assert len({(TERRAFORM / layer / name).read_bytes() for layer in LAYERS}) == 1


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_values_for_each_environment_and_tests(layer: str) -> None:
    declared = set(re.findall(r'^variable "(\w+)"', text_of(TERRAFORM / layer / "variables.tf"), flags=re.MULTILINE))
    for environment in ("dev", "prod"):
        assert f'environment = "{environment}"' in text_of(TERRAFORM / "env" / f"{environment}.tfvars")
        values = text_of(TERRAFORM / layer / f"{environment}.tfvars")
        assert set(re.findall(r"^(\w+)\s*=", values, flags=re.MULTILINE)) <= declared
    assert list((TERRAFORM / layer / "tests").glob("*.tftest.hcl"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(TERRAFORM)))
def test_no_image_is_named_by_latest(source: Path) -> None:
    assert not re.search(r":latest\b", text_of(source))


def test_variables_and_outputs_say_what_they_are() -> None:
    for source in TERRAFORM.rglob("*.tf"):
        for block in re.findall(r'^(?:variable|output) "\w+" \{\n.*?^\}', text_of(source), re.MULTILINE | re.DOTALL):
            assert re.search(r'description = "[A-Z][^"]{6,}"', re.sub(r" +=", " =", block)), f"{source.name}: {block}"


def test_what_checkov_passes_over_has_a_reason() -> None:
    skips = [(source, skip) for source in SOURCES for skip in re.findall(r"checkov:skip=(.*)", text_of(source))]
    assert skips
    for source, skip in skips:
        assert re.fullmatch(r"CKV2?_AWS_\d+:.{15,}", skip), f"{source.relative_to(TERRAFORM)}: {skip}"
    assert not list(TERRAFORM.rglob(".checkov.y*ml")), "a skip stands beside what it is for"


def test_no_layer_reads_another_s_state_and_no_secret_is_written() -> None:
    for source in SOURCES:
        assert "terraform_remote_state" not in text_of(source)
        assert not re.search(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY", text_of(source))


def test_the_picture_is_the_table_and_the_table_is_the_code() -> None:
    table = {
        part: (set(folders.split(", ")), set(re.findall(r"`(aws_\w+)`", kinds)))
        for part, folders, kinds in re.findall(r"^\| (\w+) \| ([^|]+) \| (`aws_.*) \|$", ARCHITECTURE, re.MULTILINE)
    }
    picture = ARCHITECTURE[ARCHITECTURE.index("```mermaid") : ARCHITECTURE.index("```\n\nEach")]
    nodes = set(re.findall(r"\b(\w+)(?:\[[^\]]+\]|\[\([^)]+\)\])", picture)) | set(
        re.findall(r"subgraph (\w+)", picture)
    )
    assert nodes - {"account"} == set(table)

    drawn: dict[str, set[str]] = {}
    for folders, kinds in table.values():
        for kind in kinds:
            drawn.setdefault(kind, set()).update(folders)
    made = layers.resource_types()
    assert set(drawn) == set(made)
    for kind, folders in made.items():
        assert folders <= drawn[kind], kind
    for part, (folders, kinds) in table.items():
        assert folders <= set().union(*(made[kind] for kind in kinds)), part


def test_the_page_of_aws_names_every_layer_and_every_alarm() -> None:
    page = text_of(ROOT / "docs" / "infra" / "aws.md")
    assert re.findall(r"^\| `(\d\d-[\w-]+)` \|", page, flags=re.MULTILINE) == list(LAYERS)
    alarms = re.findall(
        r'alarm_name\s+= "\$\{local.name\}-([\w-]+)"', text_of(TERRAFORM / "40-observability" / "main.tf")
    )
    assert re.findall(r"^\| `<name>-([\w-]+)` \|", page, flags=re.MULTILINE) == alarms
    assert len(alarms) == 3


def test_the_container_is_what_the_image_and_the_server_expect() -> None:
    service, image = text_of(TERRAFORM / "30-ecs-alb-mlops" / "service.tf"), text_of(ROOT / "Dockerfile")
    server = "".join(text_of(path) for path in sorted((ROOT / "src" / "tabi").rglob("*.py")))
    for variable in re.findall(r"\b(TABI_\w+)\s+=", service):
        assert f'"{variable}"' in server
    [writable] = re.findall(r"writable = \{(.*)\}", service)
    [volumes] = re.findall(r"^VOLUME \[(.*)\]", image, flags=re.MULTILINE)
    assert set(re.findall(r'"(/\w+)"', writable)) == set(re.findall(r'"(/\w+)"', volumes))
    [user] = re.findall(r"^USER (\S+)", image, flags=re.MULTILINE)
    assert f'default     = "{user}"' in text_of(TERRAFORM / "30-ecs-alb-mlops" / "variables.tf")


def test_times_of_the_balancer_and_the_server_belong_together() -> None:
    balancer, service = (text_of(TERRAFORM / "30-ecs-alb-mlops" / name) for name in ("balancer.tf", "service.tf"))
    [idle] = (int(found) for found in re.findall(r"idle_timeout\s+= (\d+)", balancer))
    [drain] = (int(found) for found in re.findall(r"deregistration_delay\s+= (\d+)", balancer))
    [stop] = re.findall(r"stopTimeout\s+= (\d+)", service)
    assert idle < Limits().idle_time, "the balancer would use a connection that the server is closing"
    assert drain <= Limits().grace < int(stop), "requests that run are cut off"


@pytest.mark.parametrize("name", ["variables.tf", "dev.tfvars", "prod.tfvars"])
def test_no_environment_has_objectives_of_its_own(name: str) -> None:
    # they are generated into slo.auto.tfvars.json, which a file named on the command line would override
    text = text_of(TERRAFORM / "40-observability" / name)
    assert re.search(r"^slo\s*=", text, re.MULTILINE) is None
    assert "error_percent = 1" not in text
