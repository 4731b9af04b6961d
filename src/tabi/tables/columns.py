"""One Arrow column, as the model sees it, by the laws of `contract.values`.

Whole columns where Arrow's type leaves no doubt; else each distinct value goes through the law once.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract import Scalar, Tensors, category_of, number_of
from tabi.errors import RequestError
from tabi.tables.faults import CODES, Codes

if TYPE_CHECKING:
    import pyarrow as pa

# A category of a dictionary may be long and repeated in every row, and the graph copies it for each.
MAX_TEXT = 256 * 1024 * 1024
# what float() and Arrow read alike; everything else that float() takes is left to float()
_PLAIN_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


class Numbers(NamedTuple):
    """float64[N] with NaN for missing, and the code of the rule that each value broke on the way."""

    values: npt.NDArray[np.float64]
    codes: Codes


class Texts(NamedTuple):
    """Distinct categories, and for each row the place of its own among them."""

    distinct: npt.NDArray[np.object_]
    places: npt.NDArray[np.int64]


class Columns(NamedTuple):
    """A table as the model sees it, column by column: float64[N, n] with NaN for missing, and texts."""

    numeric: npt.NDArray[np.float64]
    texts: list[Texts]

    @classmethod
    def of(cls, tensors: Tensors) -> Columns:
        """The same rows; every row's text is one of its own."""
        places = np.arange(len(tensors.numeric))
        return cls(tensors.numeric, [Texts(column, places) for column in tensors.categorical.T])

    def tensors(self) -> Tensors:
        """The same rows, as the graph takes them."""
        categorical = np.empty((len(self.numeric), len(self.texts)), np.object_)
        for place, texts in enumerate(self.texts):
            categorical[:, place] = texts.distinct[texts.places]
        return Tensors(self.numeric, categorical)

    def first(self, count: int) -> Columns:
        """At most so many rows."""
        return Columns(self.numeric[:count], [Texts(texts.distinct, texts.places[:count]) for texts in self.texts])


def holds_scalars(kind: pa.DataType) -> bool:
    """Whether a column of this type holds what JSON can also say: numbers, texts, booleans, nulls.

    Moments, bytes and nested values are none, in a request as in training.
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return not types.is_dictionary(kind.value_type) and holds_scalars(kind.value_type)
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
        or types.is_decimal(kind)
        or _is_text(kind)
    )


def numbers_of(column: pa.Array) -> Numbers:
    """The column as `number_of` reads its values one by one. `RequestError` as for `texts_of`."""
    from pyarrow import types

    column = _spelled_out(column)
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return _finite(_as_floats(column))
    if types.is_string(kind) or types.is_large_string(kind):
        return _numbers_of_text(column)
    return _numbers_by_law(column)


def texts_of(column: pa.Array) -> Texts:
    """The column as `category_of` reads its values one by one. `RequestError` if it spells more than `MAX_TEXT`."""
    values, places = _distinct(_spelled_out(column))
    distinct = np.empty(len(values), np.object_)
    distinct[:] = [category_of(value) for value in values]
    lengths = np.fromiter(map(len, distinct), np.int64, len(distinct))
    _check_text(int(lengths[places].sum()))
    return Texts(distinct, places)


def _spelled_out(column: pa.Array) -> pa.Array:
    """The column without views, each of which may show the same long text again, and which Arrow can do little with."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) and pa.types.is_string_view(column.type.value_type):
        return pa.DictionaryArray.from_arrays(column.indices, _spelled_out(column.dictionary))
    if not pa.types.is_string_view(column.type):
        return column
    # a view is 16 bytes, of which the first four are the length
    lengths = np.frombuffer(column.buffers()[1], np.int32).reshape(-1, 4)[
        column.offset : column.offset + len(column), 0
    ]
    _check_text(int(lengths[column.is_valid().to_numpy(zero_copy_only=False)].sum(dtype=np.int64)))
    return column.cast(pa.large_string())


def _check_text(length: int) -> None:
    if length > MAX_TEXT:
        raise RequestError("a column spells more text than can be answered at once: send fewer rows")


def _as_floats(column: pa.Array) -> npt.NDArray[np.float64]:
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _finite(values: npt.NDArray[np.float64]) -> Numbers:
    infinite = np.isinf(values)
    codes = np.zeros(len(values), np.int8)
    if infinite.any():
        codes[infinite] = CODES["not_finite"]
        values = np.where(infinite, np.nan, values)
    return Numbers(values, codes)


def _numbers_of_text(column: pa.Array) -> Numbers:
    """Plainly written numbers at once, and one by one the distinct rest."""
    import pyarrow.compute as pc

    plain = pc.fill_null(pc.match_substring_regex(column, _PLAIN_NUMBER), False)
    rest = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    if not len(rest):
        return _finite(_as_floats(pc.cast(column, "float64")))
    if len(rest) == len(column):
        return _numbers_by_law(column)
    found = _finite(_as_floats(pc.cast(pc.if_else(plain, column, None), "float64")))
    values, codes = _numbers_by_law(column.take(rest))
    whole = found.values if found.values.flags.writeable else found.values.copy()
    whole[rest] = values
    found.codes[rest] = codes
    return Numbers(whole, found.codes)


def _numbers_by_law(column: pa.Array) -> Numbers:
    values, places = _distinct(column)
    read = [number_of(value) for value in values]
    numbers = np.fromiter((number for number, _ in read), np.float64, len(read))
    codes = np.fromiter((CODES[rule] for _, rule in read), np.int8, len(read))
    return Numbers(numbers[places], codes[places])


def _distinct(column: pa.Array) -> tuple[Sequence[Scalar], npt.NDArray[np.int64]]:
    """Values that cover the column's own, None the last of them, and for each row the place of its value."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_null(kind):
        return [None], np.zeros(len(column), np.int64)
    if not pa.types.is_dictionary(kind):
        if not _can_be_encoded(kind):
            cells: list[Any] = column.to_pylist()
            return [*map(_plain, cells), None], np.arange(len(cells))
        column = column.dictionary_encode()
    dictionary, size = column.dictionary, len(column.dictionary)
    places = column.indices.cast(pa.int64()).fill_null(size).to_numpy()
    if size > len(column):  # a slice of a longer table: only the values that it uses
        used, places = np.unique(places, return_inverse=True)
        dictionary = dictionary.take(pa.array(used, mask=used == size))
    return [*map(_plain, dictionary.to_pylist()), None], places


def _can_be_encoded(kind: pa.DataType) -> bool:
    from pyarrow import types

    # for the rest Arrow has no dictionary
    return bool(_is_text(kind) or types.is_boolean(kind) or types.is_integer(kind) or _is_wide_float(kind))


def _is_wide_float(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_float32(kind) or types.is_float64(kind))


def _is_text(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _plain(value: Any) -> Scalar:
    """A decimal is the float64 nearest to it, as in training."""
    return float(value) if isinstance(value, Decimal) else value
