"""Rows from S3: one object, and all Parquet files below a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from tabi.data import fetch
from tabi.errors import ConfigError, SourceError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows
from tests.system.conftest import PythonWith
from tests.system.moto import KEYS, MOTO, s3_server

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def address(python_with: PythonWith) -> Iterator[str]:
    with s3_server(python_with(MOTO)) as address:
        yield address


@pytest.fixture(autouse=True)
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> fs.S3FileSystem:
    for name, setting in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, setting)
    system = fs.S3FileSystem(endpoint_override=address, region=KEYS["AWS_REGION"], allow_bucket_creation=True)
    system.create_dir("rows")
    for key, value in (("a", 1), ("b/2", 3), ("b/1", 2), ("_temporary/x", 9)):
        table = pa.table({"a": [value, None], "left": ["no", "yes"]})
        pq.write_table(table, f"rows/part/{key}.parquet", filesystem=system)
    with system.open_output_stream("rows/part/_SUCCESS") as marker:
        marker.write(b"")
    with system.open_output_stream("rows/garbled.parquet") as garbled:
        garbled.write(b"no Parquet")
    return system


def test_an_object_is_a_table(workspace: Workspace) -> None:
    frame = fetch_rows("s3://rows/part/a.parquet", workspace)
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1.0, None], "left": ["no", "yes"]}))


@pytest.mark.parametrize("uri", ["s3://rows/part/", "s3://rows/part"])
def test_a_prefix_is_the_table_of_its_parquet_files(uri: str, workspace: Workspace) -> None:
    assert fetch_rows(uri, workspace)["a"].dropna().tolist() == [1, 2, 3]


def test_a_snapshot_records_each_object_by_its_etag(workspace: Workspace) -> None:
    snapshot = fetch(workspace, ProjectConfig(name="p", source="s3://rows/part/", target="left")).snapshot
    assert [(p.kind, p.name) for p in snapshot.parents] == [
        ("object", f"s3://rows/part/{key}.parquet") for key in ("a", "b/1", "b/2")
    ]
    digests = {parent.digest for parent in snapshot.parents}
    assert len(digests) == 3
    assert all(digest and re.fullmatch(r"etag:[0-9a-f]{32}(-\d+)?", digest) for digest in digests)


@pytest.mark.parametrize(
    ("uri", "error", "told"),
    [
        ("s3:rows/a.parquet", ConfigError, "is not of the form s3://BUCKET/KEY"),
        ("s3://rows", ConfigError, "is not of the form s3://BUCKET/KEY"),
        ("s3://rows/none/", SourceError, "there is no Parquet file at s3://rows/none/"),
        ("s3://nobucket/a.parquet", SourceError, "there is no Parquet file at|cannot be read"),
        ("s3://rows/garbled.parquet", SourceError, "s3://rows/garbled.parquet is not readable as Parquet"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    uri: str, error: type[Exception], told: str, workspace: Workspace
) -> None:
    with pytest.raises(error, match=told) as caught:
        fetch_rows(uri, workspace)
    assert "\n" not in str(caught.value)


def test_a_wrong_key_is_told_without_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceError, match="check its name, and AWS_ENDPOINT_URL") as caught:
        fetch_rows("s3://rows/part/", workspace)
    assert "testing" not in str(caught.value)
