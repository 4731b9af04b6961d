"""Literals of the programs: any text is the same text to the language that reads it."""

from __future__ import annotations

import ast
import re

from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import Target
from tabi.export.example import Example
from tabi.export.samples import samples

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CPP = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)


def programs(text: str) -> dict[str, str]:
    example = Example({}, [float("nan"), -1.5e300], [text], [0.5], "b")
    found = samples(example, ("numeric", "categorical"), Target("y", ("a", "b")), 0.25)
    return {sample.language: sample.code for sample in found}


@given(TEXTS)
def test_a_python_literal_is_the_text(text: str) -> None:
    found = [node.value for node in ast.walk(ast.parse(programs(text)["python"])) if isinstance(node, ast.Constant)]
    assert text in found


@given(TEXTS)
def test_a_cpp_literal_is_the_text(text: str) -> None:
    (literal,) = re.findall(r"texts = \{(\".*\")\};", programs(text)["cpp"])
    assert re.fullmatch(r'"(?:[^"\\\x00-\x1f]|\\.)*"', literal)
    read = CPP.sub(lambda sign: chr(int(sign[1], 8)) if len(sign[1]) == 3 else sign[1], literal[1:-1])
    assert read == text
    assert "??" not in literal


@given(TEXTS)
def test_a_java_literal_ends_where_it_should(text: str) -> None:
    (literal,) = re.findall(r"texts = \{\{(\".*\")\}\};", programs(text)["java"])
    assert re.fullmatch(r'"(?:[^"\\\n\r]|\\[bfnrt"\\]|\\u00[01][0-9a-f])*"', literal)


def test_missing_numbers_and_the_threshold_are_in_every_program() -> None:
    for code in programs("x").values():
        assert "missing, -1.5e+300" in code
        assert "0.25" in code
        assert "{{" not in code.replace("{{missing", "").replace('{{"x"', "")
