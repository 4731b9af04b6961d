"""Tiny real bundles of several classes, of a number, and of a column of text, in a real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from tabi.contract import Contract, NumericColumn, NumericReference, Target, TextColumn
from tabi.serving.messages import Row
from tabi.store import Store
from tests.serving.conftest import ROW, contract, make_bundle, table

CLASSES = ("first", "second", "third")
CABIN = Contract("cabin", contract().columns, Target("cabin", CLASSES, "multiclass"))
BERTH = Contract("berth", contract().columns, Target("berth", ("0", "1", "2"), "multiclass"))
PRICE_BINS = NumericReference((20.0, 40.0, 60.0), (100, 90, 60, 50), 0)
PRICE = Contract("price", contract().columns, Target("price", (), "regression", PRICE_BINS))
WEIGHT = Contract("weight", contract().columns, Target("weight", (), "regression"))
TICKETS = Contract(
    "tickets",
    (TextColumn("text", reference=NumericReference((5.0, 20.0), (10, 20, 5), 1)), NumericColumn("age")),
    Target("team", ("billing", "network", "other"), "multiclass"),
)
TASKS = {each.name: each for each in (CABIN, BERTH, PRICE, WEIGHT, TICKETS)}
TEXT_ROW: Row = {"text": "インターネットに接続できません", "age": 3}
# a number so large that the models of BERTH and WEIGHT have no finite answer for it
HUGE: Row = {**ROW, "fare": 1e308}


def row_of(name: str) -> Row:
    """A row for one of the models."""
    return TEXT_ROW if name == "tickets" else ROW


def rows_of(name: str, count: int) -> list[Row]:
    """Rows for one of the models, some with missing values."""
    if name == "tickets":
        texts = ("請求書が届きません", "invoice twice", "Wi-Fiが遅い\nです", "hello", None, "接続" * 200)
        return [{"text": texts[n % len(texts)], "age": None if n % 5 == 0 else n} for n in range(count)]
    tensors, _ = table(11)
    return [
        {
            "age": None if np.isnan(age) else age,
            "fare": None if np.isnan(fare) else fare,
            "sex": sex or None,
            "city": city or None,
        }
        for (age, fare), (sex, city) in zip(
            tensors.numeric[:count].tolist(), tensors.categorical[:count].tolist(), strict=True
        )
    ]


def native(estimator: Any, y: npt.NDArray[Any]) -> Any:
    """A fitted gradient boosting over native categories."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from tabi.data import frame_of

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    prep = ColumnTransformer([("cat", encoder, ["sex", "city"]), ("num", "passthrough", ["age", "fare"])])
    made = estimator(categorical_features=[0, 1], max_iter=8, min_samples_leaf=5, random_state=0)
    return Pipeline([("prep", prep), ("model", made)]).fit(frame_of(table(1)[0], contract()), y)


def linear(estimator: Any, y: npt.NDArray[Any]) -> Any:
    """A fitted linear model of numbers in units so small that 1e308 is infinite once it is scaled."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from tabi.data import frame_of

    number = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    tensors = table(1)[0]
    small = tensors._replace(numeric=tensors.numeric / 1000)
    prep = ColumnTransformer([("num", number, ["age", "fare"])])
    return Pipeline([("prep", prep), ("model", estimator)]).fit(frame_of(small, contract()), y)


def targets() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """A class and a number for each row of the table."""
    tensors, y = table(1)
    numbers = np.nan_to_num(tensors.numeric).sum(axis=1) / 2 + 10.0 * y
    return np.digitize(numbers, [30, 50]), numbers


def text_graph() -> bytes:
    """Probabilities by words that a text holds: a graph by hand, of standard operators alone."""
    words = {"billing": "請求|invoice", "network": "接続|Wi-Fi"}
    nodes = [
        helper.make_node("RegexFullMatch", ["categorical"], [f"has_{name}"], pattern=f"(?s).*({word}).*")
        for name, word in words.items()
    ]
    nodes += [helper.make_node("Cast", [f"has_{name}"], [f"score_{name}"], to=TensorProto.DOUBLE) for name in words]
    nodes += [
        helper.make_node("IsNaN", ["numeric"], ["unknown_age"]),
        helper.make_node("Cast", ["unknown_age"], ["score_other"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["score_other", "half"], ["score_third"]),
        helper.make_node("Concat", ["score_billing", "score_network", "score_third"], ["scores"], axis=1),
        helper.make_node("Add", ["scores", "half"], ["weights"]),
        helper.make_node("ReduceSum", ["weights", "axis"], ["all"], keepdims=1),
        helper.make_node("Div", ["weights", "all"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tickets",
        [
            helper.make_tensor_value_info("numeric", TensorProto.DOUBLE, ["rows", 1]),
            helper.make_tensor_value_info("categorical", TensorProto.STRING, ["rows", 1]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["rows", 3])],
        [numpy_helper.from_array(np.array(0.5), "half"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())


def fitted() -> dict[str, Any]:
    """The pipelines, by the name of their model."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    classes, numbers = targets()
    with threadpool_limits(1):
        return {
            "cabin": native(HistGradientBoostingClassifier, np.array(CLASSES, dtype=object)[classes]),
            "berth": linear(LogisticRegression(C=1e-5), classes),
            "price": native(HistGradientBoostingRegressor, numbers),
            "weight": linear(Ridge(), numbers),
        }


def fill(root: Path, scratch: Path) -> Store:
    """A store of all of them."""
    from tabi.compile import compile_pipeline

    graphs = {name: compile_pipeline(pipeline, TASKS[name]).model for name, pipeline in fitted().items()}
    graphs["tickets"] = text_graph()
    store = Store(root)
    for name, graph in graphs.items():
        identity = store.put_bundle(make_bundle(scratch / name, name, graph, TASKS[name]))
        store.set_latest(name, identity, store.latest(name))
    return store
