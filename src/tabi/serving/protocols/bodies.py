"""What the protocols' readers share: a body that cannot be read, told as the place where it is wrong."""

from __future__ import annotations

import re
from typing import NoReturn

import msgspec

from tabi.errors import RequestError
from tabi.serving.places import refusal

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises over a body that is not what it reads."""

_ABOUT_FIELDS = {
    "Object missing required field `": "missing_field",
    "Object contains unknown field `": "unknown_field",
}
# by what the decoder says that it expected; every whole number of these bodies is a size
_EXPECTED = {
    "object": "not_an_object",
    "array": "not_a_list",
    "object | array": "neither_object_nor_list",
    "bool | int | float | str": "not_a_scalar",
    "str": "not_a_string",
    "int": "not_a_size",
    "bool": "not_a_flag",
}

# a text that is never closed goes on to the end, so that it is not tried anew from each quote in it
TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'


class Marks:
    """Marks of JSON, such as commas: how many there are says how many values a body makes, before it makes them."""

    def __init__(self, marks: bytes) -> None:
        self._marks = marks
        self._pattern = re.compile(TEXT + rb"|[" + re.escape(marks) + rb"]", re.DOTALL)

    def exceed(self, most: int, data: bytes) -> bool:
        """Whether `data` has more than `most` of them outside its texts."""
        if sum(data.count(mark) for mark in self._marks) <= most:
            return False
        count = 0
        for found in self._pattern.finditer(data):
            count += data[found.start()] in self._marks
            if count > most:
                return True
        return False


def refuse(path: str, rule: str, what: str = "the body does not fit") -> NoReturn:
    """Raise the refusal of a body that breaks `rule` at `path`."""
    raise refusal(what, [(path, rule)])


def unreadable(error: Exception) -> RequestError:
    """The refusal of a body that a decoder of JSON could not read, by what the decoder said."""
    if isinstance(error, msgspec.ValidationError):
        return refusal("the body does not fit", [place_of(error)])
    position = str(error).rpartition("(")[2].rstrip(")")
    where = f" at {position}" if position.startswith("byte ") else ""
    return refusal(f"the body is not valid JSON{where}", [("$", "not_json")])


def place_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """The path, "$" for the body as a whole, and the rule that a decoder's message speaks of."""
    said, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").removeprefix(".")
    for words, rule in _ABOUT_FIELDS.items():
        if said.startswith(words):
            field = said.removeprefix(words).rstrip("`")
            return (f"{path}.{field}" if path else field), rule
    if said == "Number out of range":
        return path or "$", "not_finite"
    expected = said.removeprefix("Expected `").partition("`")[0].removesuffix(" | null")
    return path or "$", _EXPECTED.get(expected, "wrong_shape")
