"""Vectorizers and the hasher over texts, where missing ones become empty first, as in the presets."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from tests.compile.cases.spec import Spec

both = st.booleans()


def over_text(vectorizer: Any) -> Any:
    """A vectorizer takes one column by itself, and no missing value."""
    return make_pipeline(filled(), ColumnTransformer([("vectorize", vectorizer, 0)]))


def over_rows(hasher: Any) -> Any:
    """A hasher takes rows of texts and no missing value."""
    return make_pipeline(filled(), hasher)


def filled() -> SimpleImputer:
    """Missing texts become empty ones."""
    return SimpleImputer(strategy="constant", fill_value="", keep_empty_features=True)


SIZES: dict[str, st.SearchStrategy[Any]] = {
    "lowercase": both,
    "binary": both,
    "max_features": st.sampled_from((None, 30)),
}
WORDS = {
    **SIZES,
    "min_df": st.sampled_from((1, 2)),
    "ngram_range": st.sampled_from(((1, 1), (1, 2), (2, 3))),
    "token_pattern": st.sampled_from((r"(?u)\b\w\w+\b", r"(?u)\b\w+\b")),
}
STOPPED = {**SIZES, "stop_words": st.sampled_from(("english", ["ab", "b1"]))}
CHARACTERS = {
    **SIZES,
    "analyzer": st.sampled_from(("char", "char_wb")),
    "ngram_range": st.sampled_from(((1, 1), (1, 3), (2, 4), (5, 5))),
}
WEIGHTS = {"sublinear_tf": both, "norm": st.sampled_from(("l1", "l2", None)), "use_idf": both, "smooth_idf": both}
HASHED: dict[str, st.SearchStrategy[Any]] = {
    "n_features": st.sampled_from((1, 3, 16, 1000)),
    "input_type": st.just("string"),
    "alternate_sign": both,
}

VECTORIZERS = tuple(
    Spec(cls, {**options, **weights}, "prose", use=over_text, note=note)
    for cls, weights in ((CountVectorizer, {}), (TfidfVectorizer, WEIGHTS))
    for options, note in ((WORDS, ""), (STOPPED, "stopped"), (CHARACTERS, "characters"))
)
HASHERS = (
    Spec(FeatureHasher, HASHED, "texts", use=over_rows),
    Spec(FeatureHasher, HASHED, "prose", use=over_rows, note="prose"),
)

SPECS = VECTORIZERS + HASHERS
