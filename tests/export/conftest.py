"""Tiny bundles of every task: trees and a vote that were compiled, and graphs made by hand whose names are hostile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabi.bundle import Bundle, layout, write_bundle
from tabi.bundle.session import OUTPUTS
from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    Task,
    TextColumn,
)
from tests.serving.conftest import contract as voyage
from tests.serving.conftest import logistic, make_bundle, native, table

HOSTILE = '<img src=x onerror="globalThis.hacked=1">'
CLASSES: dict[Task, tuple[str, ...]] = {
    "binary": ("no", "</script><script>globalThis.hacked=1</script>"),
    "multiclass": ('a "quoted" \\u0041', "<b>b</b>", "日本 `語`"),
    "regression": (),
}


def contract_of(task: Task, *, strict: bool = False) -> Contract:
    """Names and categories that would break a page, a table or a program which takes them for its own signs."""
    reference = NumericReference((0.5, 1.5, 2.5), (1, 5, 3, 1), 0)
    categories = ("<!--", "??=</script>", "a|b`c", "tab\tand\nline", "木")
    columns = (
        TextColumn("__proto__"),
        NumericColumn(HOSTILE, nullable=False, minimum=-5, maximum=5, reference=reference),
        CategoricalColumn("a|b", categories, closed=True, reference=CategoricalReference((1, 2, 3, 9, 5), 0, 0)),
        NumericColumn("{{model}}", reference=reference),
        CategoricalColumn("many", tuple(f"c{i}" for i in range(60))),
    )
    return Contract("hostile", columns, Target("<i>target</i>", CLASSES[task], task), strict=strict)


def graph_of(task: Task) -> bytes:
    """A graph by hand that looks at every column: scores of numbers and of texts, made into the task's output."""
    from onnx import TensorProto, helper, numpy_helper

    classes = len(CLASSES[task])
    width = classes if task == "multiclass" else 1
    random = np.random.default_rng(3)
    constants = {
        "weights": random.normal(size=(2, width)),
        "text_weights": random.normal(size=(3, width)),
        "zero": np.array(0.0),
        "one": np.array(1.0),
        "flat": np.array([-1]),
        "axis": np.array([1]),
    }
    nodes = [
        helper.make_node("IsNaN", ["numeric"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "zero", "numeric"], ["numbers"]),
        helper.make_node("MatMul", ["numbers", "weights"], ["of_numbers"]),
        helper.make_node(
            "LabelEncoder",
            ["categorical"],
            ["codes"],
            domain="ai.onnx.ml",
            keys_strings=["木", "tab\tand\nline", "c7", "長い文", ""],
            values_tensor=helper.make_tensor("values", TensorProto.DOUBLE, [5], [1.0, 2.0, 3.0, 4.0, 5.0]),
            default_tensor=helper.make_tensor("default", TensorProto.DOUBLE, [1], [0.25]),
            keys_tensor=None,
        ),
        helper.make_node("MatMul", ["codes", "text_weights"], ["of_texts"]),
        helper.make_node("Add", ["of_numbers", "of_texts"], ["scores"]),
        *_ending(task),
    ]
    inputs = [
        helper.make_tensor_value_info("numeric", TensorProto.DOUBLE, ["rows", 2]),
        helper.make_tensor_value_info("categorical", TensorProto.STRING, ["rows", 3]),
    ]
    shape: list[str | int | None] = ["rows", classes] if task == "multiclass" else ["rows"]
    graph = helper.make_graph(
        nodes,
        "by_hand",
        inputs,
        [helper.make_tensor_value_info(OUTPUTS[task], TensorProto.DOUBLE, shape)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return model


def _ending(task: Task) -> list[Any]:
    from onnx import helper

    if task == "regression":
        return [helper.make_node("Reshape", ["scores", "flat"], ["value"])]
    if task == "binary":
        return [
            helper.make_node("Sigmoid", ["scores"], ["shares"]),
            helper.make_node("Reshape", ["shares", "flat"], ["probability"]),
        ]
    return [
        helper.make_node("Mul", ["scores", "scores"], ["squares"]),
        helper.make_node("Add", ["squares", "one"], ["positive"]),
        helper.make_node("ReduceSum", ["positive", "axis"], ["total"]),
        helper.make_node("Div", ["positive", "total"], ["probabilities"]),
    ]


def bundle_of(folder: Path, task: Task, *, strict: bool = False) -> Bundle:
    """A whole bundle around the graph by hand."""
    folder.mkdir(parents=True)
    (folder / layout.GRAPH).write_bytes(graph_of(task))
    (folder / layout.SCHEMA).write_bytes(contract_of(task, strict=strict).to_json())
    if task == "binary":
        (folder / layout.THRESHOLD).write_text('{"threshold": 0.4, "criterion": "f1"}\n')
    for document in (layout.METRICS, layout.PARITY, layout.GATES):
        (folder / document).write_text("{}\n")
    write_bundle(
        folder,
        name="hostile",
        created="2026-11-21T09:00:00+00:00",
        git_commit="c0ffee",
        run="1",
        snapshot="2" * 64,
        environment="3" * 64,
        runtime={"onnxruntime": ">=1.22"},
    )
    return Bundle.open(folder)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Bundle]:
    """A bundle of each task."""
    root = tmp_path_factory.mktemp("bundles")
    return {task: bundle_of(root / task, task) for task in CLASSES}


def vote(seed: int) -> Any:
    """A fitted vote of a linear model, a forest and boosted trees over imputed and one-hot columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from tabi.data import frame_of

    number = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    text = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    prep = ColumnTransformer([("num", number, ["age", "fare"]), ("cat", text, ["sex", "city"])])
    members = [
        ("linear", LogisticRegression()),
        ("forest", RandomForestClassifier(10, max_depth=5, random_state=0)),
        ("boosted", HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=5)),
    ]
    tensors, y = table(seed)
    clf = VotingClassifier(members, voting="soft")
    return Pipeline([("prep", prep), ("clf", clf)]).fit(frame_of(tensors, voyage()), y)


def compiled(folder: Path, name: str) -> tuple[Path, dict[int, tuple[float, ...]]]:
    """A bundle of the model `native`, `vote` or `linear`, and where its trees split each numeric column."""
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline

    with threadpool_limits(1):
        found = compile_pipeline({"native": native, "vote": vote, "linear": logistic}[name](1), voyage())
    return make_bundle(folder, name, found.model, voyage()), found.thresholds
