"""CountVectorizer, TfidfVectorizer and TfidfTransformer.

A text becomes a row of symbols in which one operator counts the runs that are terms: for characters the term itself,
for words their letters between boundaries. So no operator has to lowercase a text or to cut it into words as Python
does; what a character is to Python lies in tables that were asked of it when the graph was made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.preprocessing import Normalizer

from tabi.compile.alphabet import OTHER
from tabi.compile.graph import Graph, Lanes
from tabi.compile.operators import as_double, as_index, exp
from tabi.compile.registry import convert, converts, numbers_only, refuse
from tabi.compile.sequences import END, counted, following, kept, padded, previous, symbol
from tabi.compile.terms import TOKEN_LENGTHS, Terms, bounded_terms, character_terms, word_terms
from tabi.compile.unicode import spaces

# logarithms of counts up to this are looked up
LARGEST_COUNT = 4095


@converts(CountVectorizer)
def _count_vectorizer(vectorizer: CountVectorizer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if np.dtype(vectorizer.dtype).kind not in "iuf" or np.dtype(vectorizer.dtype).itemsize < 4:
        raise refuse(path, vectorizer, f"dtype={np.dtype(vectorizer.dtype)}", "leave it int64")
    return _counts(vectorizer, graph, lanes, path)


@converts(TfidfVectorizer)
def _tfidf_vectorizer(vectorizer: TfidfVectorizer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if vectorizer.dtype != np.float64:
        raise refuse(path, vectorizer, f"dtype={np.dtype(vectorizer.dtype)}", "leave it float64")
    counts = _counts(vectorizer, graph, lanes, path)
    if vectorizer.sublinear_tf:
        counts = _sublinear(graph, counts)
    return _weighted(vectorizer._tfidf, graph, counts, path)


@converts(TfidfTransformer)
def _tfidf_transformer(transformer: TfidfTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if transformer.sublinear_tf:
        raise refuse(path, transformer, "sublinear_tf=True", "use TfidfVectorizer, whose counts are known to be whole")
    return _weighted(transformer, graph, numbers_only(transformer, lanes, path), path)


def _weighted(transformer: TfidfTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if transformer.use_idf:
        values = graph.pack(lanes)
        lanes = graph.lanes_of(graph.add("Mul", [values, graph.constant(transformer.idf_[None, :])]), len(lanes))
    if transformer.norm is None:
        return lanes
    normed = convert(Normalizer(norm=transformer.norm), graph, lanes, f"{path}/norm")
    assert isinstance(normed, tuple)  # noqa: S101  a normalizer gives lanes, for the type checker
    return normed


def _sublinear(graph: Graph, lanes: Lanes) -> Lanes:
    """1 + log(count) for each count above 0, by a table."""
    counts = graph.pack(lanes)
    table = graph.constant(np.concatenate([[0.0], 1.0 + np.log(np.arange(1.0, LARGEST_COUNT + 1))]))
    places = graph.add("Min", [as_index(graph, counts), symbol(graph, LARGEST_COUNT)])
    looked_up = graph.add("Gather", [table, places], axis=0)
    largest = graph.constant(float(LARGEST_COUNT))

    def computed() -> str:
        beyond = graph.add("Greater", [counts, largest])
        return graph.add("Where", [beyond, _one_and_logarithm(graph, counts, table), looked_up])

    highest = graph.add("ReduceMax", [counts], keepdims=0)
    rare = graph.add("Greater", [highest, largest])
    return graph.lanes_of(graph.choose(rare, computed, looked_up, TensorProto.DOUBLE), len(lanes))


def _one_and_logarithm(graph: Graph, counts: str, table: str) -> str:
    """1 + log(count) of large counts, by three steps of Halley's method: the Log operator differs in a batch."""
    parts = as_index(graph, graph.add("Div", [counts, graph.constant(LARGEST_COUNT + 1.0)]))
    near = graph.add("Gather", [table, graph.add("Max", [parts, symbol(graph, 1)])], axis=0)
    found = graph.add("Add", [near, graph.constant(np.log(LARGEST_COUNT + 1.0) - 1.0)])
    for _ in range(3):
        power = exp(graph, found)
        step = graph.add("Div", [graph.add("Sub", [counts, power]), graph.add("Add", [counts, power])])
        found = graph.add("Add", [found, graph.add("Add", [step, step])])
    return graph.add("Add", [found, graph.constant(1.0)])


def _counts(vectorizer: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """How often each term of the vocabulary stands in the text, or whether it does."""
    _refuse_inexact(vectorizer, lanes, path)
    if vectorizer.analyzer == "word":
        terms = word_terms(vectorizer)
        symbols = _words(vectorizer, graph, lanes, terms)
    elif vectorizer.analyzer == "char":
        terms = character_terms(vectorizer)
        symbols = _characters(graph, lanes, terms)
    else:
        terms = bounded_terms(vectorizer)
        symbols = _bounded(graph, lanes, terms)
    counts = as_double(graph, counted(graph, symbols, terms.runs))
    if terms.blank is not None:
        # words share the blank between them, which scikit-learn counts for each of the two
        twice, less = np.ones((1, len(terms.runs))), np.zeros((1, len(terms.runs)))
        twice[0, terms.blank], less[0, terms.blank] = 2.0, 2.0
        counts = graph.add("Sub", [graph.add("Mul", [counts, graph.constant(twice)]), graph.constant(less)])
    if vectorizer.binary:
        counts = graph.add("Sign", [counts])
    return graph.lanes_of(counts, len(terms.runs))


def _words(vectorizer: Any, graph: Graph, lanes: Lanes, terms: Terms) -> str:
    """The letters of words between boundaries."""
    symbols = padded(graph, terms.alphabet.symbols(graph, lanes[0]), 1, 1, symbol(graph, OTHER))
    if vectorizer.ngram_range[1] == 1:
        # a word stands between boundaries, however many there are and whatever lies behind them
        return symbols
    letters = graph.add("Greater", [symbols, symbol(graph, OTHER)])
    if TOKEN_LENGTHS[vectorizer.token_pattern] > 1:
        beside = graph.add("Or", [previous(graph, letters), following(graph, letters)])
        letters = graph.add("And", [letters, beside])
        symbols = graph.add("Where", [letters, symbols, symbol(graph, OTHER)])
    boundary = graph.add("Not", [letters])
    return kept(graph, symbols, graph.add("Not", [graph.add("And", [boundary, previous(graph, boundary)])]))


def _characters(graph: Graph, lanes: Lanes, terms: Terms) -> str:
    """The characters, with a blank for each run of white space."""
    symbols = padded(graph, terms.alphabet.symbols(graph, lanes[0]), 0, 1, symbol(graph, END))
    if " " not in terms.alphabet.numbers:
        return symbols
    over, under = symbol(graph, 0), symbol(graph, 1 + len(spaces()))
    white = graph.add("And", [graph.add("Greater", [symbols, over]), graph.add("Less", [symbols, under])])
    symbols = graph.add("Where", [graph.add("And", [white, following(graph, white)]), symbol(graph, 1), symbols])
    return kept(graph, symbols, graph.add("Not", [graph.add("And", [white, previous(graph, white)])]))


def _bounded(graph: Graph, lanes: Lanes, terms: Terms) -> str:
    """The characters of words with one blank before, between and behind them."""
    blank = symbol(graph, 1)
    symbols = padded(graph, terms.alphabet.symbols(graph, lanes[0]), 1, 1, blank)
    white = graph.add("Equal", [symbols, blank])
    return kept(graph, symbols, graph.add("Not", [graph.add("And", [white, previous(graph, white)])]))


def _refuse_inexact(vectorizer: Any, lanes: Lanes, path: str) -> None:
    if len(lanes) != 1 or not lanes[0].text:
        raise refuse(path, vectorizer, f"{len(lanes)} columns", "give it one column of text, by a name and not a list")
    for option in ("preprocessor", "tokenizer"):
        if getattr(vectorizer, option) is not None:
            raise refuse(path, vectorizer, f"{option} set", "leave it None: a function is code")
    if callable(vectorizer.analyzer):
        raise refuse(path, vectorizer, "a function for analyzer", 'use "word", "char" or "char_wb"')
    if vectorizer.strip_accents is not None:
        raise refuse(path, vectorizer, "strip_accents", "leave it None")
    if vectorizer.input != "content":
        raise refuse(path, vectorizer, f"input={vectorizer.input!r}", 'leave it "content"')
    if vectorizer.analyzer != "word":
        return
    if vectorizer.token_pattern not in TOKEN_LENGTHS:
        raise refuse(path, vectorizer, "a token_pattern of its own", r"leave it, or use r'(?u)\b\w+\b'")
    if vectorizer.stop_words is not None and vectorizer.ngram_range[1] > 1:
        raise refuse(path, vectorizer, "stop_words and runs of words", "leave one of stop_words and ngram_range")
