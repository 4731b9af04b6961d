from __future__ import annotations

import re
import subprocess

import pytest

from tabi.bundle import Bundle
from tabi.store import Store
from tests.cli.conftest import Demonstrated, Tabi

# slow: a whole demo, which `make demo` runs too
pytestmark = pytest.mark.system


def test_the_demo_says_each_step_and_ends_with_a_summary(demonstrated: Demonstrated) -> None:
    for step in ("[1/6] fetch", "[2/6] train", "[3/6] release", "[4/6] serve", "[5/6] predict", "[6/6] stop"):
        assert step in demonstrated.output
    for figure in (r"AUC 0\.9\d{3}", r"ACC 0\.9\d{3}", r"largest difference \d\.\de-1\d", r"200 requests", r"p95 \d"):
        assert re.search(figure, demonstrated.output), figure
    assert "try next" in demonstrated.output


def test_the_demo_leaves_a_bundle_that_the_store_points_to(demonstrated: Demonstrated) -> None:
    store = Store(demonstrated.root / "store")
    latest = store.latest("breast_cancer")
    assert latest is not None
    assert latest.id in demonstrated.output
    assert Bundle.open(store.open_path("breast_cancer")).id == latest.id


def test_the_demo_leaves_no_process_behind(demonstrated: Demonstrated) -> None:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in listed.splitlines() if "tabi serve breast_cancer --port 0" in line]
    assert demonstrated.root.is_dir()


def test_results_can_be_read_again_by_the_other_commands(demonstrated: Demonstrated, tabi: Tabi) -> None:
    report = tabi(demonstrated.root, "report")
    assert report.code == 0
    assert "builtin_breast_cancer" in report.out
    verified = tabi(demonstrated.root, "store", "verify")
    assert verified.code == 0
    assert verified.out.endswith("1 bundles, 0 errors, 0 leftovers\n")


def test_a_changed_file_makes_verify_fail_by_name(demonstrated: Demonstrated, tabi: Tabi) -> None:
    folder = Store(demonstrated.root / "store").open_path("breast_cancer")
    graph = folder / "model.onnx"
    before = graph.read_bytes()
    try:
        graph.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        verified = tabi(demonstrated.root, "store", "verify")
    finally:
        graph.write_bytes(before)
    assert verified.code == 1
    assert "model.onnx" in verified.out
    assert "1 errors" in verified.out
