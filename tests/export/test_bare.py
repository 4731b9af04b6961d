"""The bare graph and its note: the note's Python program is run as it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tabi.bundle import Bundle
from tabi.contract import Contract, RowReader, Task
from tabi.errors import BundleError
from tabi.export import export_graph
from tabi.export.example import example_of
from tabi.serving.model import Model
from tests.export.conftest import CLASSES, HOSTILE, bundle_of


def blocks(folder: Path, language: str) -> list[str]:
    note = (folder / "README.md").read_text("utf-8")
    return [found[1] for found in re.findall(rf"^(```+){language}\n(.*?)\n\1$", note, re.DOTALL | re.MULTILINE)]


def run_as_written(folder: Path) -> str:
    (program,) = blocks(folder, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("task", CLASSES)
def test_the_python_program_prints_what_the_note_says(task: Task, bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    folder = export_graph(bundles[task].folder, tmp_path / "graph")
    (expected,) = blocks(folder, "text")
    assert run_as_written(folder) == expected
    assert float(expected.split()[0]) == example_of(bundles[task]).output[0]


def test_the_expected_answer_is_the_servers(bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    bundle = bundles["binary"].folder
    folder = export_graph(bundle, tmp_path / "graph")
    (request,) = blocks(folder, "json")
    reply = Model.open(bundle).answer(request.encode(), "1")
    (expected,) = blocks(folder, "text")
    assert expected == f"{reply.probability!r} {reply.label}"  # type: ignore[union-attr]  # one row has one reply
    assert reply.warnings == []


def test_the_files_are_the_bundles_own(bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    bundle = bundles["multiclass"]
    folder = export_graph(bundle.folder, tmp_path / "graph")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "model.onnx", "schema.json"]
    assert (folder / "model.onnx").read_bytes() == bundle.graph_bytes()
    assert Contract.from_json((folder / "schema.json").read_bytes()) == bundle.contract()


def test_the_note_says_what_the_graph_needs(bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    bundle = bundles["binary"]
    note = (export_graph(bundle.folder, tmp_path / "graph") / "README.md").read_text("utf-8")
    graph = onnx.load_model_from_string(bundle.graph_bytes())
    for opset in graph.opset_import:
        assert f"{opset.domain or 'ai.onnx'} {opset.version}" in note
    for node in graph.graph.node:
        assert f"{node.domain or 'ai.onnx'}:{node.op_type}`" in note
    assert bundle.id in note
    assert "≥ 0.4, else no" in note
    assert "#### " not in note


@pytest.mark.parametrize("task", CLASSES)
def test_columns_stand_in_the_order_of_the_inputs(task: Task, bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    note = (export_graph(bundles[task].folder, tmp_path / "graph") / "README.md").read_text("utf-8")
    rows = [line.split(" | ") for line in note.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row[0].removeprefix("| ")) for row in rows] == [0, 1, 0, 1, 2]
    assert [row[1] for row in rows][1:] == ["{{model}}", "a&#124;b", "many", "&#95;&#95;proto&#95;&#95;"]
    # no name of a column is markup or ends its cell
    assert all(len(row) == 4 for row in rows)
    assert HOSTILE not in note.partition("## Example")[0]


def test_the_folder_is_named_after_the_bundle(
    bundles: dict[Task, Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = bundles["regression"]
    assert export_graph(bundle.folder) == Path(f"hostile-{bundle.id[:12]}-onnx")
    request = json.loads(blocks(tmp_path / f"hostile-{bundle.id[:12]}-onnx", "json")[0])
    assert request["features"] == example_of(bundle).row


def test_the_example_becomes_the_tensors_of_the_contract(bundles: dict[Task, Bundle]) -> None:
    example = example_of(bundles["multiclass"])
    tensors, faults = RowReader(bundles["multiclass"].contract()).read([example.row])
    assert faults == []
    assert example.numeric == tensors.numeric[0].tolist()
    assert example.strings == tensors.categorical[0].tolist() == ["tab\tand\nline", "c0", "__proto__"]


def test_a_changed_bundle_is_not_exported(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / "bundle", "regression").folder
    with (bundle / "model.onnx").open("ab") as graph:
        graph.write(b"\0")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        export_graph(bundle, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()
