"""What a source may say in public."""

import pytest

from tabi.data.origin import refuse_secrets, without_secrets


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sql:postgresql://me:pw@db/people", "sql:postgresql://me:***@db/people"),
        ("sql:postgresql://me:p@w/x@db/people", "sql:postgresql://me:***@db/people"),
        ("sql:mysql://db/people?ssl_key_password=a&x=1", "sql:mysql://db/people?ssl_key_password=***&x=1"),
        ("dvc:https://me:pw@host/r.git#a.csv@v1", "dvc:https://me:***@host/r.git#a.csv@v1"),
        ("s3://bucket/rows?token=abc", "s3://bucket/rows?token=***"),
    ],
)
def test_a_password_is_covered(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


@pytest.mark.parametrize(
    "uri",
    [
        "openml:adult@2",
        "csv:data/rows.csv",
        "parquet:c:/rows@2/a.parquet",
        "sql:postgresql://me@db:5432/people",
        "sql:postgresql+psycopg:///people?host=/run/postgresql",
        "sql:sqlite:///people.db",
        "sql:env:PEOPLE",
        "dvc:git@host:team/r.git#data/rows.csv@v1",
        "dvc:https://host:8443/r.git#rows.csv@v1",
        "dvc:rows.csv@v1",
        "s3://bucket/rows/",
    ],
)
def test_what_holds_no_password_is_shown_as_it_is(uri: str) -> None:
    refuse_secrets(uri)
    assert without_secrets(uri) == uri
