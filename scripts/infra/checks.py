"""Checks that apply nothing: form, validity, tests of intents, policies, checkov."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.infra import policies
from scripts.infra.command import CheckError, environment, run, terraform
from scripts.infra.layers import LAYERS, ROOT, TERRAFORM, copy

CHECKOV = "checkov==3.3.30"
_PASSED = re.compile(r"Success! (\d+) passed, 0 failed")


def check_form() -> str:
    """Every file is as `terraform fmt` writes it."""
    run("terraform", "fmt", "-check", "-diff", "-recursive", ".", cwd=TERRAFORM)
    return "terraform fmt has nothing to change"


def check_layers(folder: Path) -> str:
    """Every layer is valid, and its tests of intents pass with a mocked provider."""
    root, environ = copy(folder), environment(folder)

    def check(layer: str) -> int:
        terraform(root / layer, "init", "-backend=false", "-lockfile=readonly", environ=environ)
        terraform(root / layer, "validate", environ=environ)
        found = _PASSED.search(terraform(root / layer, "test", environ=environ))
        if found is None:
            raise CheckError(f"{layer} has no test")
        return int(found[1])

    with ThreadPoolExecutor(2) as pool:
        passed = sum(pool.map(check, LAYERS))
    return f"{len(LAYERS)} layers are valid, {passed} tests of intents passed"


def check_policies() -> str:
    """Every policy of the sources is least-privileged."""
    files = policies.files()
    wrong = [f"{file.relative_to(ROOT)}: {problem}" for file in files for problem in policies.problems(_filled(file))]
    if wrong:
        raise CheckError("\n".join(wrong))
    return f"{len(files)} policies are least-privileged"


def check_actions() -> str:
    """Every action is one that AWS knows, and the list of those without a resource is right."""
    allowed = sorted({action for file in policies.files() for action in _allowed(file)})
    script = Path(__file__).with_name("actions.py")
    known = json.loads(run(*_with_checkov("python", str(script)), cwd=ROOT, text=json.dumps(allowed)))
    unknown = [action for action in allowed if known[action] is None]
    if unknown:
        raise CheckError(f"AWS knows no action {', '.join(unknown)}")
    without = {action for action in allowed if not known[action]}
    if without != set(policies.NO_RESOURCE):
        raise CheckError(
            f"actions without a resource are {', '.join(sorted(without))}: write them and no others into NO_RESOURCE"
        )
    return f"{len(allowed)} actions are known to AWS, {len(without)} of them know no resource"


def check_checkov() -> str:
    """Nothing that checkov finds, but for what is skipped with a reason."""
    said = run(
        *_with_checkov("checkov", "--directory", ".", "--framework", "terraform"),
        *("--skip-download", "--compact", "--quiet", "--output", "json"),
        cwd=TERRAFORM,
        environ={"LOG_LEVEL": "ERROR"},
        accept=(0, 1),
    )
    found = json.loads(said)
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in found["results"]["failed_checks"]]
    if failed:
        raise CheckError("\n".join(["checkov has found:", *failed]))
    summary = found["summary"]
    return (
        f"checkov {summary['checkov_version']}: {summary['passed']} passed, {summary['skipped']} skipped with a reason"
    )


def _filled(file: Path) -> policies.Policy:
    values = {name: name for name in policies.places(file)}
    values |= {"provider": "arn:aws:iam::account:oidc-provider/github", "subject": "repo:owner/name:environment:dev"}
    return policies.read(file, **values)


def _allowed(file: Path) -> Iterator[str]:
    for statement in policies.statements(policies.read(file)):
        if statement.effect == "Allow":
            yield from statement.actions


def _with_checkov(*command: str) -> list[str]:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise CheckError("there is no uv, which installs checkov: make init EXTRAS=[dev]")
    return [uv, "run", "--no-project", "--isolated", "--quiet", "--with", CHECKOV, *command]
