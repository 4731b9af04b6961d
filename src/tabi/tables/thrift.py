"""Just enough of Thrift's compact protocol to read what stands in a Parquet file beside its data.

Why by hand: where a footer lies, Arrow's Python accessors of metadata end the whole process, and no accessor shows the
headers of pages at all.
"""

from __future__ import annotations

from typing import Any

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_NESTING = 16
MAX_ITEMS = 1_000_000

Wanted = Any
"""What is asked of a value: `int`, `bytes`, a list with what is asked of its items, or a struct's fields by id."""


class Compact:
    """Reads values at `place`. `IndexError` at the end of the data, `ValueError` for nonsense."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def struct(self, wanted: dict[int, Wanted], depth: int = 0) -> dict[int, Any]:
        """The wanted fields of a struct that are there; the others are passed over."""
        if depth > _NESTING:
            raise ValueError("nested too deeply")
        found: dict[int, Any] = {}
        field = 0
        while (head := self._byte()) != _STOP:
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 0x0F
            if field in wanted:
                found[field] = self._value(kind, wanted[field], depth)
            else:
                self._skip(kind, depth)
        return found

    def _value(self, kind: int, wanted: Wanted, depth: int) -> Any:
        if isinstance(wanted, list) and kind == _LIST and depth <= _NESTING:
            count, kind = self._list_head()
            return [self._value(kind, wanted[0], depth + 1) for _ in range(count)]
        if isinstance(wanted, dict) and kind == _STRUCT:
            return self.struct(wanted, depth + 1)
        if wanted is int and _BYTE < kind < _DOUBLE:
            return self._zigzag()
        if wanted is bytes and kind == _BINARY:
            return self._take(self._varint())
        raise ValueError("another type than was wanted")

    def _skip(self, kind: int, depth: int, *, in_list: bool = False) -> None:
        if kind in {_TRUE, _FALSE}:
            self._take(1 if in_list else 0)
        elif kind == _BYTE:
            self._take(1)
        elif kind < _DOUBLE:
            self._varint()
        elif kind == _DOUBLE:
            self._take(8)
        elif kind == _BINARY:
            self._take(self._varint())
        elif kind in {_LIST, _SET}:
            if depth > _NESTING:
                raise ValueError("nested too deeply")
            count, kind = self._list_head()
            for _ in range(count):
                self._skip(kind, depth + 1, in_list=True)
        elif kind == _STRUCT:
            self.struct({}, depth + 1)
        else:  # a map, which Parquet does not use, or no type at all
            raise ValueError("an unknown type")

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = self._varint() if head >> 4 == 15 else head >> 4
        if count > MAX_ITEMS:
            raise ValueError("a list that is too long")
        return count, head & 0x0F

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number that is too long")

    def _byte(self) -> int:
        byte = self._data[self.place]
        self.place += 1
        return byte

    def _take(self, count: int) -> bytes:
        end = self.place + count
        if end > len(self._data):
            raise IndexError
        taken = self._data[self.place : end]
        self.place = end
        return taken
