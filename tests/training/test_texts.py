"""The preset for columns of free text: what it cuts texts into, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, TextColumn
from tabi.data import tensors_of
from tabi.errors import ConfigError
from tabi.project import ProjectConfig
from tabi.project.config import TextConfig
from tabi.training.pipelines import build_pipeline
from tabi.training.saved import load_pipeline, save_pipeline
from tabi.training.texts import unspaced_share, with_words_decided

ENGLISH = ("The parcel is late", "late parcel, no news", "my invoice is wrong", "wrong amount on the invoice")
JAPANESE = ("荷物が届きません", "荷物がまだ届かない", "請求書の金額が違う", "金額が違います")
Configure = Callable[..., ProjectConfig]


def table(texts: tuple[str, ...]) -> tuple[pd.DataFrame, Any, Contract]:
    body = [None if i % 19 == 0 else f"{texts[i % 4]} {i % 7}" for i in range(80)]
    rows = pd.DataFrame(
        {
            "age": np.arange(80.0) % 9,
            "body": pd.Series([np.nan if text is None else text for text in body], dtype=object),
            "channel": pd.Series(["mail", "chat"] * 40, dtype=object),
            "title": pd.Series([texts[i % 4][:6] for i in range(80)], dtype=object),
        }
    )
    columns = (
        NumericColumn("age"),
        TextColumn("body"),
        CategoricalColumn("channel", ("chat", "mail")),
        TextColumn("title"),
    )
    return rows, (np.arange(80) % 4 >= 2).astype(np.int8), Contract("tickets", columns, Target("y", ("no", "yes")))


def terms(pipeline: Pipeline) -> dict[str, set[str]]:
    """The terms of the first column of text, by what cut it."""
    inner = pipeline.named_steps["prep"].named_transformers_["text0"].named_steps["terms"]
    return {name: set(step.vocabulary_) for name, step, _ in inner.transformers_ if step != "drop"}


def test_texts_numbers_and_categories_are_learnt_together_and_compiled(config_of: Configure) -> None:
    X, y, contract = table(ENGLISH)
    pipeline = build_pipeline(contract, config_of(preset="text"), {}).fit(X, y)
    assert {"late", "parcel", "invoice"} <= terms(pipeline)["words"]
    probability = pipeline.predict_proba(X)[:, 1]
    assert ((probability > 0.5) == y).mean() > 0.9
    graph = Session(compile_pipeline(pipeline, contract).model)
    np.testing.assert_allclose(graph.predict(tensors_of(X, contract)), probability, rtol=0, atol=1e-9)


def test_a_script_without_blanks_is_cut_into_characters_alone(config_of: Configure) -> None:
    X, y, contract = table(JAPANESE)
    config = with_words_decided(config_of(preset="text"), contract, X)
    assert config.text.words is False
    found = terms(build_pipeline(contract, config, {}).fit(X, y))
    assert list(found) == ["chars"]
    assert {"荷物", "金", "請求書"} <= found["chars"]


def test_a_script_with_blanks_is_cut_into_words_too_and_the_project_may_say_otherwise(config_of: Configure) -> None:
    X, _, contract = table(ENGLISH)
    assert with_words_decided(config_of(preset="text"), contract, X).text.words is True
    own = config_of(preset="text", text=TextConfig(words=False))
    assert with_words_decided(own, contract, X) is own


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        ((), 0.0),
        (("123 !?",), 0.0),
        (("abc",), 0.0),
        (("漢字かなカナ",), 1.0),
        (("ab漢字",), 0.5),
        (("ไทย", "ｶﾅ"), 1.0),
    ],
)
def test_the_share_of_letters_without_blanks(texts: tuple[str, ...], share: float) -> None:
    assert unspaced_share(texts) == share


def test_parameters_of_texts_reach_every_column_of_text(config_of: Configure) -> None:
    _, _, contract = table(ENGLISH)
    config = config_of(preset="text", params={"text__words__ngram_range": [1, 2], "C": 7.0})
    known = build_pipeline(contract, config, {"text__chars__max_features": 50}).get_params()
    for column in ("text0", "text1"):
        assert known[f"prep__{column}__terms__words__ngram_range"] == (1, 2)
        assert known[f"prep__{column}__terms__chars__max_features"] == 50
    assert known["clf__C"] == 7.0


def test_words_cannot_be_set_where_there_are_none(config_of: Configure) -> None:
    _, _, contract = table(JAPANESE)
    config = config_of(preset="text", text=TextConfig(words=False), params={"text__words__min_df": 1})
    with pytest.raises(ConfigError, match=r"text__words__min_df: these texts have no words; set text\.words=true"):
        build_pipeline(contract, config, {})


def test_an_unknown_parameter_is_named(config_of: Configure) -> None:
    _, _, contract = table(ENGLISH)
    with pytest.raises(ConfigError, match="no parameter 'prep__text0__terms__chars__max_feature'; did you mean"):
        build_pipeline(contract, config_of(preset="text"), {"text__chars__max_feature": 50})


@pytest.mark.parametrize("preset", ["native", "logistic", "stack", "auto"])
def test_other_presets_name_the_text_that_they_would_pass_over(preset: str, config_of: Configure) -> None:
    _, _, contract = table(ENGLISH)
    with pytest.raises(ConfigError, match="does not read the column 'body', which is free text: set preset=text"):
        build_pipeline(contract, config_of(preset=preset), {})


def test_a_table_without_text_is_told_so(config_of: Configure) -> None:
    contract = Contract("numbers", (NumericColumn("n"),), Target("y", ("no", "yes")))
    with pytest.raises(ConfigError, match="preset=text needs a column of free text"):
        build_pipeline(contract, config_of(preset="text"), {})


def test_a_fitted_pipeline_is_kept_without_pickle(config_of: Configure, tmp_path: Path) -> None:
    X, y, contract = table(ENGLISH)
    pipeline = build_pipeline(contract, config_of(preset="text"), {}).fit(X, y)
    save_pipeline(pipeline, tmp_path / "pipeline.skops")
    again = load_pipeline(tmp_path / "pipeline.skops")
    assert again.predict_proba(X).tobytes() == pipeline.predict_proba(X).tobytes()
