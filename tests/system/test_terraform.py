"""What `make infra-test` runs: form, validity, intents, policies, checkov; and all layers applied and destroyed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import give_up

# waiting for load balancers takes a minute, and a busy machine three times as long
pytestmark = [pytest.mark.system, pytest.mark.beside, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_S = 800


@pytest.fixture(scope="module", autouse=True)
def terraform() -> None:
    if shutil.which("terraform") is None:
        give_up("there is no terraform")


def infra(*names: str) -> str:
    """What the command says when all of it holds."""
    command = [sys.executable, "-m", "scripts.infra", *names]
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if "provider packages" in done.stderr or "cannot be installed" in done.stderr:
        give_up(f"the AWS provider or checkov cannot be had: {done.stderr[-500:]}")
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stdout


def test_policies_and_actions_are_least_privilege_and_checkov_finds_nothing() -> None:
    said = infra("policies", "form", "actions", "checkov")
    assert re.search(r"policies: \d\d policies are least-privileged", said)
    assert "nothing to change" in said
    assert re.search(r"checkov: checkov [\d.]+: [1-9]\d\d passed", said)


def test_every_layer_is_valid_and_means_what_it_should() -> None:
    found = re.search(r"6 layers are valid, (\d+) tests of intents passed", infra("layers"))
    assert found
    assert int(found[1]) >= 36


def test_all_layers_are_applied_without_drift_and_destroyed() -> None:
    said = infra("cycle")
    for work in ("apply", "plan", "destroy"):
        assert len(re.findall(rf"^{work} ", said, flags=re.MULTILINE)) == 6
    assert "the service accepts the load balancer only" in said
    assert "all layers were applied, without drift, and destroyed" in said
