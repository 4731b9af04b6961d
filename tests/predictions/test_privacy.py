"""What a log may hold of a row."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target
from tabi.contract.columns import Logged
from tabi.errors import ConfigError
from tabi.predictions.privacy import Privacy, mask_of, read_key

KEY = b"k" * 32


def contract(first: Logged | None, second: Logged | None, third: Logged | None = None) -> Contract:
    columns = (
        NumericColumn("age", logged=first or msgspec.UNSET),
        CategoricalColumn("city", ("a", "b"), logged=second or msgspec.UNSET),
        CategoricalColumn("town", ("a", "b"), logged=third or msgspec.UNSET),
    )
    return Contract("m", columns, Target("t", ("no", "yes")))


def test_where_everything_is_kept_nothing_is_done() -> None:
    assert mask_of(contract(None, None), Privacy()) == ("", None)


def test_each_column_is_kept_as_the_contract_says() -> None:
    mask = mask_of(contract("full", "hashed", "none"), Privacy(key=KEY))
    assert mask.letters == "fhn"
    assert mask.apply is not None
    age, city, town = mask.apply([1.5, "a", "a"])
    assert (age, town) == (1.5, None)
    assert isinstance(city, str)
    assert len(city) == 16
    assert mask.apply([1.5, "a", "b"])[1] == city
    assert mask.apply([1.5, "b", "b"])[1] != city


def test_hashes_of_two_columns_or_keys_have_nothing_in_common() -> None:
    both = contract(None, "hashed", "hashed")
    one, other = (mask_of(both, Privacy(key=key)).apply for key in (KEY, b"l" * 32))
    assert one is not None
    assert other is not None
    assert len({*one([1.0, "a", "a"])[1:], *other([1.0, "a", "a"])[1:]}) == 4


def test_what_is_missing_stays_missing() -> None:
    apply = mask_of(contract("hashed", "hashed"), Privacy(key=KEY)).apply
    assert apply is not None
    age, city, _ = apply([math.nan, "", "a"])
    assert (math.isnan(float(age or 0)), city) == (True, "")


@pytest.mark.parametrize(
    ("least", "stated", "letters"),
    [
        ("hashed", "full", "h"),
        ("none", "full", "n"),
        ("none", "hashed", "n"),
        ("hashed", "none", "n"),
        ("full", "none", "n"),
    ],
)
def test_a_server_may_only_be_stricter(least: Logged, stated: Logged, letters: str) -> None:
    assert mask_of(contract(stated, stated, stated), Privacy(least, KEY)).letters == letters * 3


def test_without_a_key_nothing_is_hashed_and_that_is_said() -> None:
    hashed = contract("hashed", None)
    assert mask_of(hashed, Privacy()).letters == "nff"
    assert "name a key by --log-key" in (Privacy().problem(hashed) or "")
    assert Privacy(key=KEY).problem(hashed) is None
    assert Privacy().problem(contract("none", None)) is None


def test_a_key_is_long_enough_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key(path)
    path.write_text("short\n")
    with pytest.raises(ConfigError, match="shorter than 16 bytes"):
        read_key(path)
    path.write_text("0123456789abcdef" * 8 + "\n")
    assert read_key(path) == read_key(path)
    assert len(read_key(path)) == 32


def test_a_contract_that_says_nothing_is_written_as_before() -> None:
    assert b"logged" not in contract(None, None).to_json()
    stated = contract(None, "hashed")
    assert Contract.from_json(stated.to_json()) == stated
