import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import ConfigError
from tabi.serving.settings import Limits, limits_of


def test_nothing_stated_leaves_every_limit_as_it_is() -> None:
    assert limits_of([]) == Limits()


@given(st.sampled_from([field.name for field in msgspec.structs.fields(Limits)]), st.integers(1, 1 << 40))
def test_a_stated_limit_is_the_only_one_that_changes(name: str, value: int) -> None:
    changed = limits_of([f"{name}={value}"])
    assert getattr(changed, name) == value
    assert msgspec.structs.replace(changed, **{name: getattr(Limits(), name)}) == Limits()


def test_seconds_may_be_parts() -> None:
    assert limits_of(["grace=0.5", "body_time=2.5"]) == msgspec.structs.replace(Limits(), grace=0.5, body_time=2.5)


@pytest.mark.parametrize("stated", ["body=", "body", "body=x", "body=-1", "body=0", "body=1.5", "grace=nan", "grace=0"])
def test_a_limit_that_is_no_number_above_zero_is_refused_without_its_value(stated: str) -> None:
    with pytest.raises(ConfigError, match=f"^limit {stated.partition('=')[0]}: give a"):
        limits_of([stated])


def test_an_unknown_limit_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^unknown limit 'bodytime'; did you mean 'body_time'"):
        limits_of(["bodytime=3"])
    with pytest.raises(ConfigError, match=r"^unknown limit 'zzz'; there are body, row_body"):
        limits_of(["zzz=3"])
