"""What a source may say in public."""

import pytest

from tabi.data.origin import refuse_password, refuse_secrets, without_secrets
from tabi.errors import ConfigError


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


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM dblink('host=db password=hidden', 'SELECT 1') AS rows(a int)",
        "SELECT * FROM postgres_scan('postgresql://me:hidden@db/people')",
        "SELECT * FROM OPENROWSET('x', 'Server=db;Pwd=hidden;', 'SELECT 1')",
    ],
)
def test_a_query_that_holds_a_password_is_refused_and_not_shown(query: str) -> None:
    with pytest.raises(ConfigError, match="`query` holds a password") as caught:
        refuse_password(query)
    assert "hidden" not in str(caught.value)


def test_a_query_of_columns_that_are_named_so_is_none() -> None:
    refuse_password("SELECT password_age, token FROM people WHERE token = 'the' AND key=3 AND at > '2024-01-01 10:00'")
