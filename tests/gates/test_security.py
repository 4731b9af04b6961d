"""Serving needs no pickle."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tabi.gates import Candidate
from tabi.gates.audit import audited, judged, runtime_pins
from tabi.gates.security import load_watched, problem_of, security_gate
from tests.gates.conftest import Make, loans, released


def test_a_bundle_is_served_from_json_and_onnx_alone(candidate: Candidate) -> None:
    found = security_gate(candidate)
    assert found.verdict == "pass"
    assert "files of JSON and ONNX, nothing unpickled" in found.reason
    assert "packages not audited" in found.reason or "packages of the runtime" in found.reason


def test_what_the_server_opens_is_watched(make: Make) -> None:
    folder = released(make(loans())).bundle.folder
    seen = load_watched(folder)
    assert {"model.onnx", "schema.json", "threshold.json"} <= set(seen["opened"])
    assert (seen["pickled"], seen["imported"]) == ([], [])


SHADOW = """
import importlib.util, pickle, sysconfig
pickle.loads({held!r})
spec = importlib.util.spec_from_file_location("secrets", sysconfig.get_path("stdlib") + "/secrets.py")
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
globals().update(vars(real))
"""


def test_a_library_that_unpickles_while_a_bundle_is_loaded_is_seen(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = released(make(loans())).bundle.folder
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "secrets.py").write_text(SHADOW.format(held=pickle.dumps(Fraction(1, 2))))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    assert load_watched(folder)["pickled"] == ["fractions.Fraction"]


HELD = {"pickle": pickle.dumps({"a": 1}), "gzip": gzip.compress(pickle.dumps([1])), "zip": b"PK\x03\x04archive"}


@pytest.mark.parametrize("content", HELD.values(), ids=HELD.keys())
def test_a_graph_that_may_hold_a_pickle_stops(make: Make, content: bytes) -> None:
    made = make(loans())
    (made.folder / "model.onnx").write_bytes(content)
    found = security_gate(made)
    assert found.verdict == "fail"
    assert "model.onnx may hold a pickle" in found.reason


def test_a_graph_that_the_server_cannot_load_stops(make: Make) -> None:
    made = make(loans())
    (made.folder / "model.onnx").write_bytes(b"\x08\x09 no graph")
    found = security_gate(replace(made))
    assert found.verdict == "fail"
    assert "the bundle cannot be loaded by the server" in found.reason


def test_a_document_must_begin_as_json(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    for content, problem in ((b" {}", False), (b"[]", False), (b"", True), (pickle.dumps({}), True)):
        path.write_bytes(content)
        assert problem_of(path) is problem


def test_the_runtime_s_packages_are_those_that_serving_needs() -> None:
    pins = runtime_pins()
    assert {"numpy", "onnxruntime", "msgspec", "fastapi", "starlette"} <= set(pins)
    assert not {"scikit-learn", "mlflow", "pandas", "tabi"} & set(pins)


def test_what_the_audit_finds_is_told_by_name_version_and_fault() -> None:
    sound: dict[str, Any] = {"name": "numpy", "version": "2.4.6", "vulns": []}
    bad: dict[str, Any] = {"name": "starlette", "version": "0.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.2"]}]}
    unknown: dict[str, Any] = {"name": "local", "skip_reason": "Dependency not found"}
    found = judged({"dependencies": [sound, bad, unknown]})
    assert (found.packages, found.faults) == (2, ["starlette 0.1 PYSEC-1"])
    assert "1 could not be looked up" in found.text
    assert judged({"dependencies": [sound]}).text == "1 packages of the runtime have no known fault"
    assert judged({"dependencies": [unknown]}).text.startswith("packages not audited")


def test_an_audit_that_nobody_answers_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    if not (Path(sys.executable).parent / "pip-audit").exists():
        assert audited().text == "packages not audited: pip-audit had no answer, is there a network?"


def test_an_audit_that_is_off_says_so() -> None:
    assert audited(on=False).text == "packages not audited: gates.security.audit is off"
