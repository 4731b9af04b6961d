"""Places inside a body: how they are written, what each rule expects, and the refusals and warnings made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from tabi.contract import Fault
from tabi.errors import RequestError
from tabi.serving.messages import Place

# a name in a body may be as long as its sender likes, and a body wrong in a million places
PATH_LIMIT = 200
MAX_PLACES = 100
MAX_WARNINGS = 1000

EXPECTED = {
    "missing": "a value is required here",
    "not_a_number": "a number was expected",
    "not_finite": "a finite number was expected",
    "below_minimum": "a number not below the contract's minimum was expected",
    "above_maximum": "a number not above the contract's maximum was expected",
    "unknown_category": "this category was not seen in training",
    "unknown_column": "the contract has no such column",
    "unknown_class": "one of the contract's classes was expected",
    "in_the_future": "a time that has come was expected",
    "no_probability": "the numbers of this row are too large for the model",
    "no_value": "the numbers of this row are too large for the model",
    "rare": "a row more like those of the training snapshot was expected",
    "not_an_object": "an object was expected",
    "not_an_array": "an array of rows was expected",
    "not_a_list": "an array was expected",
    "neither_object_nor_list": "an object or an array was expected",
    "not_a_string": "a string was expected",
    "not_a_size": "a whole number not below 0 was expected",
    "not_a_flag": "true or false was expected",
    "not_a_scalar": "a number, a string, true, false or null was expected",
    "not_installed": "a kind of body was expected that this server can read",
    "not_json": "valid JSON in UTF-8 was expected",
    "wrong_shape": "something else was expected here, or nothing so deep or so large",
    "repeated_name": "a name may stand once in an object",
    "unknown_field": "there is no such field here",
    "missing_field": "this field is required",
    "wrong_length": "as many values as in the longest column were expected",
    "too_many_columns": "a row may not hold so many columns",
    "too_long": "something shorter was expected",
    "too_much_held": "the server holds too much already: send this line and those after it again in a moment",
    "too_many_rows": "one request may not hold so many rows",
    "more_warnings": "there are more warnings than are listed",
    # of tensors and tables
    "unknown_datatype": "one of the protocol's datatypes was expected",
    "wrong_datatype": "values of the datatype were expected, or null",
    "wrong_dimensions": "[rows], [rows, 1] or, where every column is a number, [rows, columns] was expected",
    "wrong_rows": "as many rows as in the first input were expected",
    "wrong_size": "as much data as the shape or the columns say was expected",
    "unknown_output": "the model has no such output",
    "not_alone": "this field may not stand beside another of its kind",
    "not_supported": "this is not supported",
    "not_arrow": "an Arrow IPC stream or file was expected",
    "not_parquet": "a whole Parquet file was expected",
    "not_a_message": "a message of the published proto was expected",
    "not_csv": "valid CSV in UTF-8 was expected",
}
# what a lenient contract makes of it
_MADE_OF_IT = {
    "missing": "it counts as missing",
    "not_a_number": "it counts as missing",
    "not_finite": "it counts as missing",
    "unknown_column": "it is ignored",
}


def place(path: str, rule: str) -> Place:
    """A place with what its rule expects."""
    return Place(_shown(path), rule, EXPECTED[rule])


def refusal(what: str, places: Iterable[tuple[str, str]]) -> RequestError:
    """The error for a body that is wrong in `places`, (path, rule) each, at least one. The first is in its message."""
    listed = tuple(islice(places, MAX_PLACES))
    path, rule = listed[0]
    more = f", and {len(listed) - 1} more" if len(listed) > 1 else ""
    return RequestError(f"{what}: {_shown(path)}: {EXPECTED[rule]}{more}", listed)


def refusal_of_rows(faults: Iterable[Fault], path: Callable[[Fault], str]) -> RequestError:
    """The error for rows whose faults cannot be let pass."""
    return refusal("the rows do not fit the contract", ((path(fault), fault.rule) for fault in faults))


def warnings_of(faults: Sequence[Fault], path: Callable[[Fault], str]) -> list[Place]:
    """Faults of rows as places of the body that they came from, with what was made of each."""
    warnings = [place(path(fault), fault.rule) for fault in faults[:MAX_WARNINGS]]
    for warning in warnings:
        if warning.rule in _MADE_OF_IT:
            warning.message += f"; {_MADE_OF_IT[warning.rule]}"
    if len(faults) > MAX_WARNINGS:
        warnings.append(place("$", "more_warnings"))
    return warnings


def path_in_features(fault: Fault) -> str:
    """Where a fault lies in a body of one row."""
    return f"features.{fault.column}" if fault.column else "features"


def path_in_rows(fault: Fault) -> str:
    """Where a fault lies in a body of many rows."""
    return f"rows[{fault.row}].{fault.column}" if fault.column else f"rows[{fault.row}]"


def path_in_columns(fault: Fault) -> str:
    """Where a fault lies in a body of many rows that stand by column."""
    return f"columns.{fault.column}[{fault.row}]" if fault.column else f"columns.*[{fault.row}]"


def _shown(path: str) -> str:
    """`path` on one line, neither empty nor too long, with nothing that UTF-8 cannot hold."""
    path = path[:PATH_LIMIT] or '""'
    return path if path.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in path)
