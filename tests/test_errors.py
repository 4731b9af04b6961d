"""The exception tree and what its errors become outside."""

import inspect
import re

import pytest

import tabi.errors
from tabi.errors import BundleError, ConflictError, NotFoundError, RequestError, StoreError, TabiError, outcome_of

CLASSES = [c for _, c in inspect.getmembers(tabi.errors, inspect.isclass) if issubclass(c, Exception)]


def drawn_tree() -> dict[str, str]:
    """Class -> parent, as the module's docstring draws them."""
    tree = {"TabiError": "Exception"}
    parent = "TabiError"
    for line in (tabi.errors.__doc__ or "").splitlines():
        if drawn := re.match(r"( +)(│   )?[├└]── (\w+)", line):
            name, nested = drawn.group(3), drawn.group(2)
            tree[name] = parent if nested else "TabiError"
            parent = parent if nested else name
    return tree


def test_the_tree_is_as_it_is_drawn() -> None:
    assert drawn_tree() == {c.__name__: c.__mro__[1].__name__ for c in CLASSES}


@pytest.mark.parametrize("error", [c for c in CLASSES if c is not RequestError], ids=lambda c: c.__name__)
def test_every_error_has_an_exit_code_and_a_status(error: type[TabiError]) -> None:
    outcome = outcome_of(error("what is wrong"))
    assert outcome.exit_code in {1, 2, 78}
    assert 400 <= outcome.status < 600
    assert outcome.title != outcome_of(RuntimeError()).title


def test_the_nearest_class_in_the_tree_decides() -> None:
    assert outcome_of(ConflictError()).status == 409
    assert outcome_of(StoreError()).status == 500
    assert outcome_of(NotFoundError()) == (2, 404, "Not found")
    assert outcome_of(BundleError()).exit_code == 1


def test_a_request_error_carries_its_problems() -> None:
    error = RequestError("no", (("features.age", "not_a_number"),))
    assert error.problems == (("features.age", "not_a_number"),)
    assert outcome_of(error).status == 422


@pytest.mark.parametrize("error", [ValueError("a"), KeyboardInterrupt()])
def test_what_tabi_did_not_raise_is_an_internal_error(error: BaseException) -> None:
    assert outcome_of(error) == (1, 500, "Internal error")
