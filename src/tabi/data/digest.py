"""The digest of stored rows: equal rows have one, whatever held them and in whatever batches they came."""

from __future__ import annotations

import hashlib
import json

import pandas as pd

from tabi.data.rows import StoredRows
from tabi.data.stored import canonical_numbers

DIGEST_FORMAT = "tabi-rows-1"


def digest_of(stored: pd.DataFrame) -> str:
    """The digest of a stored frame."""
    return digest_of_rows(StoredRows.of_frame(stored))


def digest_of_rows(rows: StoredRows) -> str:
    """SHA-256 in hex over names, types and values, column by column, in order; 64 characters.

    Law: the same rows give the same digest on any machine, whatever the dtypes of the raw frame and its batches were.
    Numbers are little-endian float64 with one NaN and one zero; a text is UTF-8 after its length in eight bytes,
    where length zero is a missing value.
    """
    columns = [(name, "text" if text else "number") for name, text in rows.texts.items()]
    header = json.dumps({"format": DIGEST_FORMAT, "rows": rows.count, "columns": columns}, sort_keys=True)
    sha = hashlib.sha256(_framed(header))
    for name, text in rows.texts.items():
        if text:
            for strings in rows.strings(name):
                framed = {string: _framed(string) for string in set(strings)}
                sha.update(b"".join(map(framed.__getitem__, strings)))
        else:
            for numbers in rows.numbers(name):
                sha.update(canonical_numbers(numbers).astype("<f8").tobytes())
    return sha.hexdigest()


def _framed(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(8, "little") + encoded
