"""The shap library beside our explanations: the same where it is right, and where it is not."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.system.conftest import PythonWith

pytestmark = [pytest.mark.system, pytest.mark.beside]

SHAP = "shap==0.51.0"
# what our side of the comparison imports, as it is here
OURS = ("scikit-learn", "numpy", "pandas", "msgspec", "onnxruntime")
SCRIPT = Path(__file__).with_name("shap_script.py")
SOURCE = SCRIPT.parents[2] / "src"


@pytest.fixture(scope="module")
def found(python_with: PythonWith) -> dict[str, dict[str, float]]:
    python = python_with(SHAP, *(f"{name}=={version(name)}" for name in OURS))
    done = subprocess.run(
        [str(python), "-W", "ignore", str(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_contributions_are_those_of_shap(found: dict[str, dict[str, float]]) -> None:
    assert len(found) == 9
    for name, each in found.items():
        assert each["ours"] < 1e-9, name
        if name != "native":
            assert each["difference"] < 1e-9, name


def test_over_native_categories_shap_does_not_add_up(found: dict[str, dict[str, float]]) -> None:
    # if it does one day, decision 0021 has lost a reason
    assert found["native"]["theirs"] > 1
    assert found["native"]["ours"] < 1e-9
