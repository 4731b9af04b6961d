"""What the parts of a Parquet file say of themselves: rows and chunks in the footer, sizes in the pages' headers.

Arrow's reader allocates by the headers of pages and not by the footer, so the footer's sums prove nothing. The numbers
of fields are those of the format's parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tabi.tables.thrift import Compact

Fetch = Callable[[int, int], bytes]
"""Bytes of the file from an offset, at most so many."""

MAGIC = b"PAR1"
MAX_FOOTER = 16 * 1024 * 1024
_ROWS, _GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_ROWS = 1, 3
_CHUNK_FILE, _CHUNK_META = 1, 3
_ENCODINGS, _PATH, _COMPRESSED_TOTAL, _DATA_OFFSET, _DICTIONARY_OFFSET = 2, 3, 7, 9, 11
_CHUNK = {_ENCODINGS: [int], _PATH: [bytes], _COMPRESSED_TOTAL: int, _DATA_OFFSET: int, _DICTIONARY_OFFSET: int}
_COLUMN = {_CHUNK_FILE: bytes, _CHUNK_META: _CHUNK}
_FOOTER = {_ROWS: int, _GROUPS: [{_GROUP_ROWS: int, _GROUP_COLUMNS: [_COLUMN]}]}
_UNCOMPRESSED, _COMPRESSED = 2, 3
_HEADER = {_UNCOMPRESSED: int, _COMPRESSED: int}
# most headers are some dozen bytes; one that holds a statistic of a long text is not
_WINDOWS = (512, 65_536, MAX_FOOTER)
_SMALLEST_PAGE = 4
# of the format's encodings: lengths as deltas, and texts as what they do not share with the one before
_DELTAS_OF_TEXT = {6, 7}


class Chunk(NamedTuple):
    """A column of a row group: its dotted path, where its pages lie, and whether its texts are written as deltas."""

    path: str
    start: int
    size: int
    deltas: bool


class Footer(NamedTuple):
    """Rows by any of the footer's own counts, whichever is larger, and the chunks of each row group that has rows."""

    rows: int
    groups: list[list[Chunk] | None]


class Pages(NamedTuple):
    """Decompressed bytes of a column chunk's pages: all of them, and the largest."""

    total: int
    largest: int


def footer_of(fetch: Fetch, size: int, limit: int = MAX_FOOTER) -> Footer:
    """The footer of a file of `size` bytes. `ValueError` if there is none, or a larger one than `limit`."""
    if size < 12 or fetch(size - 4, 4) != MAGIC:
        raise ValueError("no footer")
    length = int.from_bytes(fetch(size - 8, 4), "little")
    if not 0 < length <= min(size - 12, limit):
        raise ValueError("a footer of an impossible size")
    try:
        fields = Compact(fetch(size - 8 - length, length)).struct(_FOOTER)
        groups = fields[_GROUPS]
        rows = max(fields[_ROWS], sum(max(group[_GROUP_ROWS], 0) for group in groups))
        return Footer(rows, [_chunks(group) for group in groups])
    except (IndexError, KeyError) as error:
        raise ValueError("a footer that is cut off or of another form") from error


def _chunks(group: dict[int, Any]) -> list[Chunk] | None:
    """None for a group without rows: its chunks have no pages, and nobody may read them."""
    return [_chunk(column) for column in group[_GROUP_COLUMNS]] if group[_GROUP_ROWS] > 0 else None


def _chunk(column: dict[int, Any]) -> Chunk:
    meta = column[_CHUNK_META]
    if _CHUNK_FILE in column:
        raise ValueError("a chunk in another file")
    start = meta[_DATA_OFFSET]
    if 0 < meta.get(_DICTIONARY_OFFSET, 0) < start:
        start = meta[_DICTIONARY_OFFSET]
    path = ".".join(part.decode() for part in meta[_PATH])
    return Chunk(path, start, meta[_COMPRESSED_TOTAL], not _DELTAS_OF_TEXT.isdisjoint(meta[_ENCODINGS]))


def pages_of(fetch: Fetch, start: int, size: int) -> Pages:
    """Walk the pages of the chunk at `start`. `ValueError` if what lies there is not a row of pages."""
    total = largest = 0
    place, end = start, start + size
    if start < 0 or size < 0:
        raise ValueError("a chunk of negative size")
    while end - place >= _SMALLEST_PAGE:
        header, uncompressed, compressed = _page(fetch, place)
        if uncompressed < 0 or compressed < 0:
            raise ValueError("a page of negative size")
        total += uncompressed
        largest = max(largest, uncompressed)
        place += header + compressed
    return Pages(total, largest)


def _page(fetch: Fetch, place: int) -> tuple[int, int, int]:
    """Length of the header, and the page's size after and before decompression."""
    for window in _WINDOWS:
        data = fetch(place, window)
        reader = Compact(data)
        try:
            fields = reader.struct(_HEADER)
            return reader.place, fields[_UNCOMPRESSED], fields[_COMPRESSED]
        except IndexError:
            if len(data) < window:
                break
        except KeyError:
            break
    raise ValueError("no page header")
