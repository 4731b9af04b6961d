"""The exception tree of the client."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path

import tabi.client
import tabi.client.errors
from tabi.client import InputError, LateError, Place, UnavailableError
from tabi.client.replies import Problem

CLASSES = [c for _, c in inspect.getmembers(tabi.client.errors, inspect.isclass) if issubclass(c, Exception)]


PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"


def drawn_tree(text: str) -> dict[str, str]:
    """Class -> parent, as a text draws them."""
    above = ["Exception"]
    tree = {}
    for line in text.splitlines():
        if drawn := re.match(r"((?:[│ ]   )*)(?:([├└]── ))?([A-Z]\w+Error)\b", line):
            depth = len(drawn[1]) // 4 + (drawn[2] is not None)
            above[depth + 1 :] = [drawn[3]]
            tree[drawn[3]] = above[depth]
    return tree


def test_the_tree_is_as_it_is_drawn_and_all_of_it_is_exported() -> None:
    tree = {c.__name__: c.__mro__[1].__name__ for c in CLASSES}
    assert drawn_tree((tabi.client.errors.__doc__ or "").replace("\n    ", "\n")) == tree
    assert drawn_tree(PAGE.read_text(encoding="utf-8")) == tree
    assert {c.__name__ for c in CLASSES} <= set(tabi.client.__all__)


def test_what_is_exported_is_there_and_in_order() -> None:
    assert sorted(tabi.client.__all__) == tabi.client.__all__
    assert all(hasattr(tabi.client, name) for name in tabi.client.__all__)


def test_errors_pass_from_process_to_process() -> None:
    place = Place("rows[1].age", "not_finite", "a finite number was expected")
    problem = Problem("Busy", 503, "try later", "x", errors=(place,))
    for error in (InputError("no", "age"), LateError("slow", "id-1"), UnavailableError(problem, "id-2", 1.5)):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
