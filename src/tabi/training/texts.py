"""The preset `text`: how columns of free text are prepared, and by what they are cut into terms.

Words and runs of characters are weighted by TF-IDF. Where a script writes no blanks between its words, runs of
characters are all there is. Names of parameters that begin with `text__` hold for every column of text.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from tabi.contract import Contract
from tabi.errors import ConfigError
from tabi.project import ProjectConfig
from tabi.training.preparation import onehot_parts

TEXT = "text"
EACH = f"{TEXT}__"
# from this share of its letters on a text is taken for one without blanks: one of them says as much as some of Latin
UNSPACED_SHARE = 0.3
# how the names of the letters of such scripts begin
UNSPACED = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "BOPOMOFO",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
)
# in such a script a single letter may be a word
WITHOUT_WORDS = {"text__words": "drop", "text__chars__analyzer": "char", "text__chars__ngram_range": (1, 3)}


def text_preparation(contract: Contract) -> ColumnTransformer:
    """The terms of each column of text, and the other columns as `onehot_preparation` gives them."""
    texts = [(f"{TEXT}{i}", _terms(), [column.name]) for i, column in enumerate(contract.text)]
    return ColumnTransformer([*texts, *onehot_parts(contract)])


def _terms() -> Pipeline:
    # a vectorizer takes no missing value, and one column that it is given by itself
    fill = SimpleImputer(strategy="constant", fill_value="", keep_empty_features=True)
    words = TfidfVectorizer(min_df=2)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2)
    return Pipeline([("fill", fill), ("terms", ColumnTransformer([("words", words, 0), ("chars", chars, 0)]))])


def with_words_decided(config: ProjectConfig, contract: Contract, X: pd.DataFrame) -> ProjectConfig:
    """The configuration with `text.words` set: by the project, else by the script of the training texts."""
    if config.text.words is not None or not contract.text:
        return config
    texts = (text for column in contract.text for text in X[column.name].dropna())
    return replace(config, text=replace(config.text, words=unspaced_share(texts) < UNSPACED_SHARE))


def unspaced_share(texts: Iterable[str]) -> float:
    """Which part of the letters is of scripts that write no blanks between words."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    letters = {c: count for c, count in counts.items() if c.isalpha()}
    unspaced = sum(count for c, count in letters.items() if unicodedata.name(c, "").startswith(UNSPACED))
    return unspaced / max(sum(letters.values()), 1)


def with_text_values(values: Mapping[str, Any], config: ProjectConfig, contract: Contract) -> dict[str, Any]:
    """Values of parameters by the names of the pipeline, and what texts without words ask for."""
    if config.text.words is False:
        values = {**WITHOUT_WORDS, **values}
        if wrong := [name for name in values if name.startswith(f"{EACH}words__")]:
            raise ConfigError(f"{wrong[0]}: these texts have no words; set text.words=true or leave it out")
    spread: dict[str, Any] = {}
    for name, value in values.items():
        if not name.startswith(EACH):
            spread[name] = value
            continue
        plain = tuple(value) if name.endswith("__ngram_range") else value
        spread |= {f"prep__{TEXT}{i}__terms__{name.removeprefix(EACH)}": plain for i in range(len(contract.text))}
    return spread


def refuse_unread_text(name: str, contract: Contract) -> None:
    """`ConfigError` where a preset would pass over columns of text, or needs one and there is none."""
    if name == TEXT and not contract.text:
        raise ConfigError("preset=text needs a column of free text: set columns.NAME.kind=text, or another preset")
    if name != TEXT and contract.text:
        column = contract.text[0].name
        raise ConfigError(
            f"preset={name} does not read the column {column!r}, which is free text: set preset=text, "
            f"add it to `drop`, or set columns.{column}.kind=categorical"
        )
