"""Sources of DVC and S3 that are written wrongly, told before anything is asked of anybody."""

import os

import pytest

from tabi.data.sources import open_source
from tabi.errors import ConfigError
from tabi.workspace import Workspace


@pytest.mark.parametrize("uri", ["dvc:rows.csv", "dvc:rows.csv@", "dvc:@v1", "dvc:repository#@v1"])
def test_a_source_of_dvc_needs_a_path_and_a_revision(uri: str, workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="needs a path and a revision, such as dvc:data"):
        open_source(uri, workspace)


def test_a_source_of_dvc_needs_the_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(ConfigError, match="needs the dvc command"):
        open_source("dvc:rows.csv@v1", workspace)


@pytest.mark.parametrize("uri", ["s3:bucket/a.parquet", "s3://bucket", "s3:///a.parquet"])
def test_a_source_of_s3_needs_a_bucket_and_a_key(uri: str, workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="is not of the form s3://BUCKET/KEY"):
        open_source(uri, workspace)
