"""What a text is to the graph is what it is to Python: over every character, and over runs of the difficult ones."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from tabi.bundle.session import CATEGORICAL, Session
from tabi.compile import unicode
from tabi.compile.alphabet import OTHER, Alphabet
from tabi.compile.compiler import compile_step
from tabi.compile.graph import Graph, Lane
from tabi.compile.hostile_texts import TEXTS
from tabi.contract import Contract, Target, Tensors, TextColumn
from tabi.data import frame_of
from tabi.errors import CompileError
from tests.compile.conftest import AGREE

CONTRACT = Contract("case", (TextColumn("body"),), Target("y", ("no", "yes")))
# Σ before, behind and between letters, marks that are skipped, and what one letter becomes two of
SIGMAS = "AaΣΣσς.'\u0301\u00ad\u0345ʰ Ii\u0307İ1"


def tensors(texts: Sequence[str]) -> Tensors:
    return Tensors(np.zeros((len(texts), 0)), np.array(texts, dtype=object)[:, None])


def fitted(vectorizer: Any, texts: Sequence[str]) -> ColumnTransformer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # capital letters in a vocabulary that can never be met
        return ColumnTransformer([("text", vectorizer, "body")]).fit(
            frame_of(tensors(["x", *texts]), CONTRACT).fillna("")
        )


def graph_of(step: Any) -> Session:
    return Session(compile_step(step, CONTRACT).models["transform"])


def expected(step: Any, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    frame = frame_of(tensors(texts), CONTRACT).fillna("")
    given = step.transform(frame)
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)


def symbols(alphabet: Alphabet, text: str) -> npt.NDArray[np.int64]:
    graph = Graph()
    found = alphabet.symbols(graph, Lane(CATEGORICAL, 0, 1, text=True))
    model = graph.to_model(
        [onnx.helper.make_tensor_value_info(CATEGORICAL, onnx.TensorProto.STRING, [None, 1])],
        [onnx.helper.make_tensor_value_info(found, onnx.TensorProto.INT64, None)],
        {},
    )
    return np.asarray(Session(model.SerializeToString()).run(tensors([text]))[0][0])


def assert_equal(vectorizer: Any, seen: Sequence[str], texts: Sequence[str]) -> None:
    step = fitted(vectorizer, seen)
    actual = graph_of(step).run(tensors(texts))[0]
    np.testing.assert_allclose(actual, expected(step, texts), rtol=AGREE, atol=AGREE)


@pytest.mark.parametrize("lowercase", [True, False])
def test_every_character_of_unicode_is_a_letter_of_a_word_or_not_as_in_python(lowercase: bool) -> None:
    alphabet = Alphabet({"a": 2, "\u00e9": 3}, lowercase, words=True, padding=OTHER)
    # what becomes two characters is looked at below
    characters = "".join(c for c in unicode.CHARACTERS if len(c.lower()) == 1)
    found = symbols(alphabet, characters)
    lower = characters.lower() if lowercase else characters
    assert found.tolist() == [alphabet.numbers.get(c, int(c.isalnum() or c == "_")) for c in lower]


def test_white_space_is_what_python_takes_for_it() -> None:
    assert "".join(unicode.CHARACTERS.split()) == "".join(c for c in unicode.CHARACTERS if c not in unicode.spaces())
    assert set(unicode.spaces()) == {c for c in unicode.CHARACTERS if re.fullmatch(r"\s", c)}


def test_every_character_of_unicode_is_lowercased_as_in_python() -> None:
    results = sorted({c for lower in unicode.lowered().values() for c in lower})
    assert len(results) > 1400
    assert_equal(
        CountVectorizer(vocabulary=results, analyzer="char"), [], [unicode.CHARACTERS, unicode.CHARACTERS[::-1]]
    )


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_every_white_space_is_one_alone_and_a_blank_in_a_run(analyzer: str) -> None:
    texts = [f"{c}a{c}b{c}{d}a{d}{d}" for c in unicode.spaces() for d in unicode.spaces()]
    vocabulary = ["a b", "a ", " b", " ", "a", "b\u3000", "b\n", "b\n\n"]
    assert_equal(CountVectorizer(vocabulary=vocabulary, analyzer=analyzer, ngram_range=(1, 3)), [], texts)


OPTIONS = st.fixed_dictionaries(
    {
        "analyzer": st.sampled_from(["word", "char", "char_wb"]),
        "ngram_range": st.sampled_from([(1, 1), (1, 3), (2, 2), (4, 5)]),
        "lowercase": st.booleans(),
        "token_pattern": st.just(r"(?u)\b\w+\b"),
    }
)


@given(st.lists(st.text(), min_size=1, max_size=5), st.lists(st.text(), min_size=1, max_size=5), OPTIONS)
@settings(max_examples=60, deadline=None)
def test_any_texts_give_what_scikit_learn_gives(seen: list[str], unseen: list[str], options: dict[str, Any]) -> None:
    assert_equal(CountVectorizer(**options), ["aa bb", *seen, "x y z w v"], [*seen, *unseen, ""])


@given(st.lists(st.text(SIGMAS, max_size=12), min_size=2, max_size=6), OPTIONS)
@settings(max_examples=60, deadline=None)
def test_letters_whose_case_depends_on_their_place(texts: list[str], options: dict[str, Any]) -> None:
    assert_equal(TfidfVectorizer(**options), [*texts[1:], "aaΣ ΣaΣa i\u0307 i a a a"], texts)


@given(st.lists(st.text("ab A\n", max_size=6), min_size=1, max_size=12, unique=True), OPTIONS)
@settings(max_examples=40, deadline=None)
def test_a_vocabulary_may_hold_what_no_text_can_give(vocabulary: list[str], options: dict[str, Any]) -> None:
    texts = ["", " ", "a", "ab A", "a\nb  b", "aaaa bbbb\n\n aA b"]
    assert_equal(CountVectorizer(vocabulary=vocabulary, **options), [], texts)


def test_hostile_texts_are_counted_alone_as_together() -> None:
    step = fitted(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), TEXTS)
    session = graph_of(step)
    together = session.run(tensors(TEXTS))[0]
    np.testing.assert_allclose(together, expected(step, TEXTS), rtol=AGREE, atol=AGREE)
    for i, text in enumerate(TEXTS):
        assert session.run(tensors([text]))[0].tobytes() == together[i].tobytes()


def test_empty_texts_give_zeros() -> None:
    session = graph_of(fitted(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 2)), ["a b"]))
    assert not session.run(tensors(["", ""]))[0].any()


@pytest.mark.parametrize("count", [4095, 4096, 5000, 70_001])
def test_counts_beyond_the_table_of_logarithms(count: int) -> None:
    vectorizer = TfidfVectorizer(analyzer="char", sublinear_tf=True, norm=None, use_idf=False, lowercase=False)
    assert_equal(vectorizer, ["ab"], ["a" * count + "b", "b"])


def test_a_term_without_rare_characters_costs_no_branch() -> None:
    model = compile_step(fitted(TfidfVectorizer(lowercase=False), ["ab cd"]), CONTRACT).models["transform"]
    operators = [node.op_type for node in onnx.load_model_from_string(model).graph.node]
    assert "If" not in operators
    assert len(operators) < 25


@pytest.mark.parametrize(
    ("vectorizer", "option"),
    [
        (CountVectorizer(preprocessor=str.strip), "preprocessor"),
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "tokenizer"),
        (CountVectorizer(analyzer=str.split), "a function for analyzer"),
        (CountVectorizer(strip_accents="unicode"), "strip_accents"),
        (CountVectorizer(token_pattern=r"[a-z]+"), "token_pattern"),  # noqa: S106
        (CountVectorizer(stop_words=["x"], ngram_range=(1, 2)), "stop_words"),
        (CountVectorizer(dtype=np.int8), "dtype=int8"),
        (TfidfVectorizer(dtype=np.float32), "dtype=float32"),
    ],
)
def test_what_has_no_exact_form_is_refused_by_name(vectorizer: Any, option: str) -> None:
    step = fitted(vectorizer, ["some words here"])
    with pytest.raises(CompileError, match=f"step 'text': {type(vectorizer).__name__} with .*{option}"):
        compile_step(step, CONTRACT)


def test_a_vectorizer_takes_a_single_column_of_text() -> None:
    contract = Contract("case", (TextColumn("a"), TextColumn("b")), Target("y", ("0", "1")))
    rows = Tensors(np.zeros((2, 0)), np.array([["aa", "bb"], ["cc", "dd"]], dtype=object))
    step = ColumnTransformer([("text", CountVectorizer(), "a")]).fit(frame_of(rows, contract))
    step._transformer_to_input_indices["text"] = [0, 1]
    with pytest.raises(CompileError, match="2 columns"):
        compile_step(step, contract)
