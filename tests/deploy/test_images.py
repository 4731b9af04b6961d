"""An image of a registry has one meaning."""

from __future__ import annotations

import pytest

from tabi.deploy.images import require_reference
from tabi.errors import ConfigError

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tabi-dev-api@sha256:" + "a" * 64


def test_a_reference_by_digest_is_taken_as_it_is() -> None:
    assert require_reference(IMAGE) == IMAGE


@pytest.mark.parametrize(
    "image", ["", "tabi", "tabi:latest", "tabi:1@sha256:" + "a" * 63, "sha256:" + "a" * 64, f"{IMAGE}\nx", f" {IMAGE}"]
)
def test_what_is_not_named_by_its_digest_is_refused(image: str) -> None:
    with pytest.raises(ConfigError, match="not named by its digest"):
        require_reference(image)
