"""The coverage table says what the tests prove, no more and no less."""

from __future__ import annotations

from collections import Counter

from tabi.compile.refused import REFUSED
from tabi.compile.registry import converted_classes
from tests.compile.cases import SPECS
from tests.compile.coverage import PAGE, page, public_classes


def test_the_page_is_what_the_tests_prove() -> None:
    """If it fails: python -m tests.compile.coverage"""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_class_that_has_a_converter_is_proved_and_every_proved_one_has_a_converter() -> None:
    assert {spec.cls for spec in SPECS} == {cls for cls in converted_classes() if cls.__module__.startswith("sklearn.")}


def test_every_public_class_is_either_proved_or_refused_with_a_reason() -> None:
    proved = {spec.cls.__name__ for spec in SPECS}
    assert set(public_classes()) - proved == set(REFUSED)
    assert not proved & set(REFUSED)


def test_at_least_sixty_classes_are_proved() -> None:
    assert len({spec.cls for spec in SPECS}) >= 60


def test_each_spec_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(spec.name for spec in SPECS).items() if count > 1] == []
