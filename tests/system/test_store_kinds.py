"""The laws of every kind of store, of one on S3."""

from __future__ import annotations

import pytest

from tabi.store import Store
from tests.store.conftest import make_bundle, s3_address, s3_place, store
from tests.store.test_kinds import *  # noqa: F403 - every law

pytestmark = pytest.mark.system
__all__ = ["make_bundle", "s3_address", "s3_place", "store"]


@pytest.fixture
def either(s3_place: str) -> Store:
    return Store(s3_place)
