"""Opening a file of text, plain or gzip, with its faults told by name."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, cast

from tabi.errors import DataError
from tabi.score.files import Source


class Opened(NamedTuple):
    """`text`: the bytes of the text. `raw`: the file on disk, whose position tells how far it is read."""

    text: BinaryIO
    raw: BinaryIO


@contextmanager
def opened(source: Source) -> Iterator[Opened]:
    """The open file. Whatever goes wrong with it inside the `with` is a `DataError` that names the file."""
    try:
        with source.path.open("rb") as raw:
            if not source.gzip:
                yield Opened(raw, raw)
                return
            with gzip.open(raw, "rb") as text:
                yield Opened(cast(BinaryIO, text), raw)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{source.path} is not a whole gzip file: copy or compress it again") from error
    except OSError as error:
        raise DataError(f"{source.path} cannot be read: {error.strerror or type(error).__name__}") from error
