"""`s3://BUCKET/KEY.parquet`, or a prefix of Parquet files: `s3://BUCKET/PREFIX/`.

Key, region and address are those of the standard variables (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL …) or of
AWS's own files and roles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tabi.data.files import chosen
from tabi.data.origin import Opened, Parent
from tabi.data.parquet_rows import batches_of_parquet
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The rows of the object or objects, in order of their keys."""
    path = rest.removeprefix("//")
    if path == rest or not all(path.partition("/")[::2]):
        raise ConfigError(f"source 's3:{rest}' is not of the form s3://BUCKET/KEY.parquet or s3://BUCKET/PREFIX/")
    opened = Opened(())
    opened.batches = _batches(path, opened)
    return opened


def _batches(path: str, opened: Opened) -> Iterator[pd.DataFrame]:
    import pyarrow as pa

    system = _file_system()
    try:
        for key in _keys(system, path):
            with system.open_input_file(key) as file:
                etag = _text(file.metadata().get("ETag"))
                yield from batches_of_parquet(file, f"s3://{key}")
            opened.parents.append(Parent(kind="object", name=f"s3://{key}", digest=etag and f"etag:{etag}"))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"s3://{path} cannot be read: check its name, and AWS_ENDPOINT_URL, AWS_REGION and the key in the "
            "environment"
        ) from error


def _file_system() -> Any:
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options = {"endpoint_override": endpoint, "region": region}
    return fs.S3FileSystem(**{name: value for name, value in options.items() if value})


def _keys(system: Any, path: str) -> list[str]:
    from pyarrow import fs

    found = system.get_file_info(path.rstrip("/"))
    if found.type == fs.FileType.File and not path.endswith("/"):
        return [found.path]
    folder = path.rstrip("/")
    listed = system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    names = [file.path.removeprefix(f"{folder}/") for file in listed if file.path.endswith(".parquet")]
    keys = [f"{folder}/{name}" for name in chosen(names)]
    if not keys:
        raise SourceError(f"there is no Parquet file at s3://{path}: mend `source` in the project's config.yaml")
    return keys


def _text(value: bytes | str | None) -> str | None:
    return (value.decode() if isinstance(value, bytes) else value or "").strip('"') or None
