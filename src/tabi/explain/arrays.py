"""Arrays as compressed bytes, which JSON holds as base64: a tree's numbers are far more than is read by a person."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from tabi.errors import BundleError

_LEVEL = 6
_BAD = "explanation.json holds an array of another size than it says: release the model again"


def pack(values: npt.ArrayLike, dtype: str) -> bytes:
    """The numbers, little-endian and compressed. Law: `unpack(pack(a, d), d, len(a)) == a`."""
    return zlib.compress(np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes(), _LEVEL)


def unpack(data: bytes, dtype: str, count: int) -> npt.NDArray[Any]:
    """`count` numbers; `BundleError` if there are more or fewer. No more memory is taken than they need."""
    size = count * np.dtype(dtype).itemsize
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(data, size + 1)
    except zlib.error as error:
        raise BundleError(_BAD) from error
    if len(found) != size:
        raise BundleError(_BAD)
    return np.frombuffer(found, dtype=np.dtype(dtype).newbyteorder("<")).astype(dtype)
