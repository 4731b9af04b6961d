"""Bodies -> rows, and replies -> bytes. Bodies are decoded by type; only one that fails is walked for the places.

A large body is decoded in windows: a call of the decoder lets nothing else run, so none may be long, and what is not
decoded yet is held as bytes alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec.json import Decoder

from tabi.contract import Fault, Scalar
from tabi.errors import RequestError
from tabi.serving.columns import Bounds, after_spaces, read_columns
from tabi.serving.explain import Window as _Window
from tabi.serving.explain import explain, explain_row, repeats_a_name
from tabi.serving.messages import PredictBody, Row
from tabi.serving.places import path_in_features, path_in_rows, refusal

# rows that are handed on at once, and bytes that are decoded at once: what bounds the memory of a large body
CHUNK = 1000
WINDOW = 16 * 1024

encode = msgspec.json.Encoder().encode

Decode = Callable[[bytes], Any]
PathOf = Callable[[Fault], str]


class _Outline(msgspec.Struct, forbid_unknown_fields=True):
    """A `/predict_batch` body whose rows or columns are not decoded yet."""

    rows: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    columns: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_predict = Decoder(PredictBody).decode
_decode_row = Decoder(Row).decode
_decode_rows = Decoder(list[Row]).decode
_decode_column = Decoder(list[Scalar]).decode
_decode_outline = Decoder(_Outline).decode
_decode_fields = Decoder(dict[str, msgspec.Raw]).decode

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_rows_opening = re.compile(rb'\s*+\{\s*+"rows"\s*+:\s*+\[').match
_columns_opening = re.compile(rb'\s*+\{\s*+"columns"\s*+:\s*+\{').match


class Codec:
    """Reads bodies.

    `columns`: the most that a row may have. `string`: the most characters of a text or a name. `row`: the most bytes of
    one row among many. `rows`: the most values of a column.
    """

    def __init__(self, columns: int = 10_000, string: int = 64 << 10, row: int = 1 << 20, rows: int = 100_000) -> None:
        self.row = row
        self.columns = columns
        self._string = string
        self._rows_limit = rows
        text: Any = Annotated[str, msgspec.Meta(max_length=string)]
        scalar: Any = float | int | text | bool | None
        self._column_bounded = Decoder(list[scalar]).decode

    def read_predict(self, body: bytes) -> Row:
        """The row of a `/predict` body; `RequestError` names the places that are wrong."""
        try:
            row = _decode_predict(body).features
        except _UNREADABLE as error:
            raise explain(body, "features", error) from error
        if len(body) > self._string:
            self._measure([row], path_in_features)
        if len(row) > self.columns:
            raise self._too_many("features")
        if body.count(b":") != 1 + len(row) and repeats_a_name(body):
            raise explain(body, "features")
        return row

    def read_line(self, line: bytes) -> Row:
        """The row of a line; `RequestError` names the places that are wrong."""
        if len(line) > self.row:
            raise refusal("the line is too long", [("$", "too_long")])
        try:
            row: Row = _decode_row(line)
        except _UNREADABLE as error:
            raise explain_row(line, error) from error
        if len(line) > self._string:
            self._measure([row], lambda fault: fault.column)
        if len(row) > self.columns:
            raise self._too_many("$")
        if line.count(b":") != len(row) and repeats_a_name(line):
            raise explain_row(line)
        return row

    def read_batch(self, body: bytes) -> Iterator[list[Row]]:
        """The rows of a `/predict_batch` body, some at a time; `RequestError` names the places that are wrong."""
        end = _end(body, len(body))
        if opening := _rows_opening(body):
            last = _end(body, end - 1)
            if body[end - 1 : end] == b"}" and body[last - 1 : last] == b"]" and last > opening.end():
                return self._rows(_List(body, "rows", body, opening.end(), last - 1))
        elif opening := _columns_opening(body):
            return self._rows_of_columns(body, opening.end(), end)
        return self._oddly_written(body)

    def _oddly_written(self, body: bytes) -> Iterator[list[Row]]:
        """The rows of a body that is wrong, or that names its field in an unusual way."""
        odd = msgspec.ValidationError("no field - at `$`")
        if len(body) > self.row:
            # to look at all of it would hold up everybody else
            raise explain(body, "rows", odd)
        try:
            outline = _decode_outline(body)
        except _UNREADABLE as error:
            raise explain(body, _field_of(body), error) from error
        if outline.rows is msgspec.UNSET and outline.columns is msgspec.UNSET:
            raise explain(body, "rows", odd)
        if outline.rows is not msgspec.UNSET and outline.columns is not msgspec.UNSET:
            raise refusal("the body holds rows and columns, send one of them", [("columns", "unknown_field")])
        if repeats_a_name(body):
            raise explain(body, "columns" if outline.rows is msgspec.UNSET else "rows")
        if outline.rows is msgspec.UNSET:
            text = bytes(outline.columns)  # type: ignore[arg-type]
            if text[:1] != b"{":
                raise explain(body, "columns", msgspec.ValidationError("no object - at `$.columns`"))
            written = b'{"columns":%b}' % text
            return self._rows_of_columns(written, len(b'{"columns":{'), len(written))
        text = bytes(outline.rows)
        if text[:1] != b"[":
            raise explain(body, "rows", msgspec.ValidationError("no list - at `$.rows`"))
        return self._rows(_List(body, "rows", text, 1, len(text) - 1))

    def check(self, rows: Sequence[Row], size: int, path: PathOf) -> None:
        """`RequestError` if rows that another reader made of a body of `size` bytes are wider or longer than they may.

        A body that is too short for that is not looked at.
        """
        if size <= min(self._string, 4 * self.columns):
            return
        for index, row in enumerate(rows):
            if len(row) > self.columns:
                raise self._too_many(path(Fault(index, "", "unknown_column")))
        self._measure(rows, path)

    def _measure(self, rows: Iterable[Row], path: PathOf) -> None:
        """`RequestError` if a text or a name is longer than it may be.

        To be asked only of so many bytes that it could be: to measure each text costs a third of the decoding.
        """
        long = [
            (path(Fault(index, name, "unknown_column")), "too_long")
            for index, row in enumerate(rows)
            for name, value in row.items()
            if len(name) > self._string or (type(value) is str and len(value) > self._string)
        ]
        if long:
            raise refusal(f"a text may have {self._string} characters", long)

    def _rows(self, items: _List) -> Iterator[list[Row]]:
        first = 0
        for window, rows in self._windows(items, _decode_rows):
            if len(window) > self._string:
                self._measure(rows, _path_after(first))
            names = sum(map(len, rows))
            if names > self.columns:
                wide = [index for index, row in enumerate(rows) if len(row) > self.columns]
                if wide:
                    raise self._too_many(f"rows[{first + wide[0]}]")
            # a colon follows each name, so where there are no more colons than names, none was overwritten
            if window.count(b":") != names and repeats_a_name(window):
                raise explain(items.body, "rows")
            first += len(rows)
            for at in range(0, len(rows), CHUNK):
                yield rows[at : at + CHUNK]

    def _rows_of_columns(self, body: bytes, start: int, end: int) -> Iterator[list[Row]]:
        bounds = Bounds(self.columns, self._rows_limit, self._string, self.row, WINDOW)
        columns = read_columns(body, start, end, self._decode_values, bounds)
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            longest = max(lengths)
            short = [(f"columns.{name}", "wrong_length") for name, values in columns.items() if len(values) < longest]
            raise refusal("the columns differ in length", short)
        for at in range(0, max(lengths, default=0), CHUNK):
            cut = (values[at : at + CHUNK] for values in columns.values())
            yield [dict(zip(columns, values, strict=True)) for values in zip(*cut, strict=True)]

    def _windows(self, items: _List, decode: Decode) -> Iterator[tuple[bytes, list[Any]]]:
        """The objects of a list with the text of them, as many at a time as a window holds.

        A window is cut behind a brace if what is cut off can be decoded: a brace inside a text leaves the text open,
        and the window is made larger.
        """
        text, start, end = items.text, after_spaces(items.text, items.start, items.end), items.end
        first, size = 0, WINDOW
        while start < end:
            stop, after = (end, end) if end - start <= size else _cut(text, start, start + size, end)
            window = b"[%b]" % text[start:stop]
            try:
                found = decode(window) if stop > start else None
            except _UNREADABLE as error:
                if stop == end or "truncated" not in str(error):
                    raise items.refusal(error, first, start - 1) from error
                found = None
            if found is None:
                if size > self.row:
                    raise refusal("an item of the body is too long", [(f"{items.path}[{first}]", "too_long")])
                size *= 2
                continue
            yield window, found
            first, size, start = first + len(found), WINDOW, after_spaces(text, after, end)
            if start == end and stop < end:
                raise items.refusal(msgspec.DecodeError("a comma is the last (byte 0)"), first, start)

    def _decode_values(self, window: bytes) -> list[Scalar]:
        found: list[Scalar] = _decode_column(window) if len(window) <= self._string else self._column_bounded(window)
        return found

    def _too_many(self, path: str) -> RequestError:
        return refusal(f"a row may have {self.columns} columns", [(path, "too_many_columns")])


class _List(NamedTuple):
    """The items of a list in `text` from `start` to `end`, which stands in `body` at `path`."""

    body: bytes
    path: str
    text: bytes
    start: int
    end: int

    def refusal(self, error: Exception, first: int, at: int) -> RequestError:
        """The refusal of an item. `first`: the place of the window's first item, `at`: the byte before that item."""
        field, _, _ = self.path.partition(".")
        where = _Window(self.path, first, at if self.text is self.body else None)
        return explain(self.body, field, error, where)


def _path_after(first: int) -> PathOf:
    """Where a fault lies among rows that stand after `first` others."""
    return lambda fault: path_in_rows(fault._replace(row=first + fault.row))


def _cut(text: bytes, start: int, limit: int, end: int) -> tuple[int, int]:
    """Where a window may end, and where the next one begins; `start` if it may nowhere."""
    at = text.rfind(b"}", start, limit) + 1
    after = after_spaces(text, at, end)
    return (at, after + 1) if at > start and text[after : after + 1] == b"," else (start, start)


_default = Codec()
read_predict = _default.read_predict
read_batch = _default.read_batch


def by_columns(body: bytes) -> bool:
    """Whether the rows of a body that `read_batch` read stand by column."""
    return bool(_columns_opening(body)) or (not _rows_opening(body) and "columns" in _decode_fields(body))


def holds_many(body: bytes) -> bool:
    """Whether a body of either kind is one of many rows."""
    try:
        return not {"rows", "columns"}.isdisjoint(_decode_fields(body))
    except _UNREADABLE:
        return False


def _field_of(body: bytes) -> str:
    """The field that a body, which may be anything, means to fill."""
    try:
        return "columns" if b'"columns"' in body and "columns" in _decode_fields(body) else "rows"
    except _UNREADABLE:
        return "rows"


def _end(body: bytes, end: int) -> int:
    """Where the body up to `end` ends but for spaces."""
    while end > 0:
        start = max(end - WINDOW, 0)
        tail = body[start:end].rstrip(b" \t\r\n")
        if tail:
            return start + len(tail)
        end = start
    return 0
