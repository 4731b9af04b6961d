"""Images of a registry: named by digest, for a tag says nothing of what runs."""

from __future__ import annotations

import re

from tabi.errors import ConfigError

_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}")


def require_reference(image: str) -> str:
    """The image, if it is REPOSITORY@sha256:…, as a cluster can fetch it. `ConfigError` else."""
    if not _REFERENCE.fullmatch(image):
        raise ConfigError(
            "the image is not named by its digest: write REPOSITORY@sha256:<64 hex digits>, as build/image.txt has it"
        )
    return image
