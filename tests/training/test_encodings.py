"""How categorical columns reach an estimator: what each encoding gives, that it is proved, and that nothing leaks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import TargetEncoder

from tabi.compile import compile_pipeline, prove
from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn, Target, TextColumn
from tabi.data import tensors_of
from tabi.errors import ConfigError
from tabi.project import ProjectConfig, SearchConfig
from tabi.project.config import ClassWeight, Encoding, Select, Strategy
from tabi.training.encodings import hashed_width
from tabi.training.explanation.owners import owners_after
from tabi.training.pipelines import build_pipeline, candidate_space, compared_keys
from tabi.training.saved import load_pipeline, save_pipeline
from tabi.training.search import run_search

TASKS = {
    "binary": Target("y", ("no", "yes")),
    "multiclass": Target("y", ("a", "b", "c"), "multiclass"),
    "regression": Target("y", (), "regression"),
}
ALL = (Encoding.onehot, Encoding.target, Encoding.hash)
Rows = tuple[pd.DataFrame, npt.NDArray[Any]]


def shops(rows: int = 1500, shops: int = 300, seed: int = 0, effect: float = 2.0) -> Rows:
    """A column of about 300 shops, each of which sells more or less; a colour and a number, with missing values."""
    rng = np.random.default_rng(seed)
    sells = rng.normal(size=shops) * effect
    shop = rng.integers(0, shops, rows)
    names = np.array([f"shop {i}" for i in range(shops)], dtype=object)
    signal = sells[shop] + rng.normal(size=rows)
    X = pd.DataFrame({"size": rng.normal(size=rows), "shop": names[shop], "colour": rng.choice(["red", "blue"], rows)})
    X["colour"] = X["colour"].astype(object)
    X.loc[rng.random(rows) < 0.05, ["shop"]] = np.nan
    X.loc[rng.random(rows) < 0.05, ["size"]] = np.nan
    return X, signal


def contract_of(X: pd.DataFrame, task: str = "binary") -> Contract:
    columns: list[Column] = [
        CategoricalColumn(name, tuple(sorted(X[name].dropna().unique())))
        if X[name].dtype == object
        else NumericColumn(name)
        for name in X.columns
    ]
    return Contract("t", tuple(columns), TASKS[task])


def labels(signal: npt.NDArray[Any], task: str = "binary") -> npt.NDArray[Any]:
    if task == "regression":  # whole numbers, which an encoder left to itself would take for classes
        return np.round(signal * 10)
    shares = (0.5,) if task == "binary" else (0.4, 0.7)
    y: npt.NDArray[np.int64] = np.digitize(signal, np.quantile(signal, shares)).astype(np.int64)
    return y.astype(np.int8) if task == "binary" else y


def config(**values: Any) -> ProjectConfig:
    return ProjectConfig(name="t", source="csv:t.csv", target="y", **values)


CASES = [
    *(("native", encoding, task) for encoding in ALL for task in TASKS),
    *(("logistic", encoding, task) for encoding in ALL[1:] for task in TASKS),
    ("vote", Encoding.target, "multiclass"),
    ("vote", Encoding.hash, "binary"),
]


@pytest.mark.parametrize(("preset", "encoding", "task"), CASES)
def test_every_encoding_is_compiled_and_proved_for_every_task(preset: str, encoding: Encoding, task: str) -> None:
    X, signal = shops(150, 30)
    y, contract = labels(signal, task), contract_of(X, task)
    chosen = "ridge" if preset == "logistic" and task == "regression" else preset
    sizes = {"max_iter": 5} if preset == "native" else {}
    if preset == "vote":
        sizes = {"native__clf__max_iter": 5, "forest__clf__n_estimators": 5}
    options = config(preset=chosen, members=["native", "forest"], encoding=encoding)
    pipeline = build_pipeline(contract, options, {f"clf__{key}": value for key, value in sizes.items()}).fit(X, y)
    compiled = compile_pipeline(pipeline, contract)
    parity = prove(pipeline, compiled, contract, tensors_of(X, contract), spread=float(y.std()))
    assert parity.holds, parity
    assert parity.kinds["unknown_category"].rows > 0


def test_a_column_is_one_number_encoded_by_target_and_a_power_of_two_hashed() -> None:
    X, signal = shops()
    contract = contract_of(X)
    widths = {}
    for encoding in (Encoding.preset, *ALL):
        for preset in ("native", "logistic"):
            prep = build_pipeline(contract, config(preset=preset, encoding=encoding), {})[:-1]
            widths[preset, encoding.value] = prep.fit_transform(X, labels(signal)).shape[1]
    of_shops = len(contract.categorical[0].categories)
    assert widths == {
        ("native", "preset"): 3,
        ("native", "onehot"): 1 + of_shops + 2,
        ("native", "target"): 3,
        ("native", "hash"): 1 + 256 + 16,
        ("logistic", "preset"): 1 + of_shops + 2,
        ("logistic", "onehot"): 1 + of_shops + 2,
        ("logistic", "target"): 3,
        ("logistic", "hash"): 1 + 256 + 16,
    }
    assert [hashed_width(n) for n in (0, 1, 16, 17, 256, 10_000)] == [16, 16, 16, 32, 256, 256]


def test_the_default_is_the_preset_s_own_preparation_to_the_last_bit() -> None:
    X, signal = shops(200, 20)
    contract = contract_of(X)
    own = build_pipeline(contract, config(preset="logistic"), {}).fit(X, labels(signal)).predict_proba(X)
    named = config(preset="logistic", encoding=Encoding.onehot)
    assert own.tobytes() == build_pipeline(contract, named, {}).fit(X, labels(signal)).predict_proba(X).tobytes()


def test_many_shops_are_worth_more_by_their_target_than_one_by_one_on_rows_held_out() -> None:
    X, signal = shops()
    y, contract = labels(signal), contract_of(X)
    scores = {}
    for encoding in (Encoding.onehot, Encoding.target):
        options = config(preset="onehot", encoding=encoding)
        pipeline = build_pipeline(contract, options, {"max_iter": 20}).fit(X[:1000], y[:1000])
        scores[encoding.value] = roc_auc_score(y[1000:], pipeline.predict_proba(X[1000:])[:, 1])
    assert scores["target"] > scores["onehot"] + 0.1


def searched(X: pd.DataFrame, y: npt.NDArray[Any], options: ProjectConfig) -> Any:
    build = partial(build_pipeline, contract_of(X), options)
    return run_search(build, candidate_space(options), X, y, options.search, options.seed)


def search_config(**space: Any) -> SearchConfig:
    return SearchConfig(strategy=Strategy.random, candidates=100, folds=3, jobs=1, select=Select.best, space={**space})


def test_a_search_tries_every_encoding_and_each_scores_as_it_does_alone() -> None:
    X, signal = shops(240, 40)
    y = labels(signal)
    space = search_config(C=[1.0])
    together = searched(X, y, config(preset="logistic", encoding=Encoding.search, search=space))
    assert {score.params["encoding"] for score in together.table} == {"onehot", "target", "hash"}
    for score in together.table:
        alone = config(preset="logistic", encoding=Encoding(score.params["encoding"]), search=space)
        assert searched(X, y, alone).table[0].scores == score.scores
    assert len({score.scores for score in together.table}) == 3


def test_boosting_s_own_codes_are_one_of_the_encodings_that_it_tries() -> None:
    (grid,) = candidate_space(config(encoding=Encoding.search))
    assert grid["encoding"] == ["preset", "onehot", "target", "hash"]
    both = candidate_space(config(preset="auto", encoding=Encoding.search, class_weight=ClassWeight.search))
    assert {grid["preset"][0]: len(grid["encoding"]) for grid in both}["native"] == 4
    assert {len(grid["encoding"]) for grid in both} == {3, 4}
    keys = compared_keys(config(encoding=Encoding.search, class_weight=ClassWeight.search))
    assert keys == {"encodings": "encoding", "class_weights": "clf__class_weight"}
    assert compared_keys(config(encoding=Encoding.target)) == {}


def test_an_id_encoded_by_target_does_not_raise_the_score_of_rows_that_a_fold_held_out() -> None:
    X, noise = shops(900, 300, effect=0.0)
    y = labels(noise)
    options = config(preset="logistic", encoding=Encoding.target, search=search_config(C=[1.0]))
    honest = roc_auc_score(y, searched(X[["shop"]], y, options).out_of_fold)
    # the same column encoded before the folds were cut knows the rows that it is scored by
    leaking = TargetEncoder().fit(X[["shop"]], y).transform(X[["shop"]])[:, 0]
    assert abs(honest - 0.5) < 0.06
    assert roc_auc_score(y, leaking) > 0.7


def test_what_the_estimator_learns_from_is_encoded_by_other_rows_targets() -> None:
    X, noise = shops(900, 300, effect=0.0)
    y = labels(noise)
    prep = build_pipeline(contract_of(X[["shop"]]), config(preset="native", encoding=Encoding.target), {})[:-1]
    learnt = prep.fit_transform(X[["shop"]], y)[:, 0]
    assert abs(roc_auc_score(y, learnt) - 0.5) < 0.1
    assert roc_auc_score(y, prep.transform(X[["shop"]])[:, 0]) > 0.7


@pytest.mark.parametrize("encoding", ALL)
def test_an_encoded_pipeline_is_kept_without_pickle_and_the_seed_makes_it_again(
    encoding: Encoding, tmp_path: Path
) -> None:
    X, signal = shops(200, 20)
    options = config(preset="logistic", encoding=encoding, seed=7)
    once, again = (build_pipeline(contract_of(X), options, {}).fit(X, labels(signal)) for _ in range(2))
    save_pipeline(once, tmp_path / "pipeline.skops")
    kept = load_pipeline(tmp_path / "pipeline.skops")
    expected = once.predict_proba(X).tobytes()
    assert again.predict_proba(X).tobytes() == expected
    assert kept.predict_proba(X).tobytes() == expected


@pytest.mark.parametrize("encoding", ALL)
def test_an_explanation_gives_each_encoded_column_to_the_column_it_was_made_of(encoding: Encoding) -> None:
    X, signal = shops(200, 20)
    prep = build_pipeline(contract_of(X), config(preset="logistic", encoding=encoding), {})[:-1]
    width = prep.fit_transform(X, labels(signal)).shape[1]
    owners = owners_after(prep, [0, 1, 2], "")
    others = {"onehot": (20, 2), "target": (1, 1), "hash": (32, 16)}[encoding.value]
    assert owners == [0, *[1] * others[0], *[2] * others[1]]
    assert len(owners) == width


def test_where_there_is_nothing_to_encode_it_is_said() -> None:
    numbers = contract_of(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(ConfigError, match="encoding=target: the table has no categorical column"):
        build_pipeline(numbers, config(encoding=Encoding.target), {})
    own = config(preset="own", encoding=Encoding.search, code="def build(contract): return None")
    with pytest.raises(ConfigError, match="preset=own prepares its columns itself"):
        build_pipeline(numbers, own, {})


def test_beside_columns_of_text_the_categories_are_encoded_too() -> None:
    X, signal = shops(120, 20)
    X["note"] = [f"good day {i % 7}" for i in range(len(X))]
    plain = contract_of(X.drop(columns="note"))
    contract = Contract("t", (*plain.columns, TextColumn("note")), TASKS["binary"])
    options = config(preset="text", encoding=Encoding.target)
    pipeline = build_pipeline(contract, options, {}).fit(X, labels(signal))
    parity = prove(pipeline, compile_pipeline(pipeline, contract), contract, tensors_of(X, contract))
    assert parity.holds
