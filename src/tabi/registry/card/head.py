"""The head of a model card: YAML between two lines of dashes, in Hugging Face's form."""

from __future__ import annotations

from typing import Any

import yaml

FENCE = "---\n"


def front_matter(card: str) -> dict[str, Any]:
    """The head of a card; empty where it has none, or one that cannot be read."""
    if not card.startswith(FENCE):
        return {}
    head, fence, _ = card[len(FENCE) :].partition(f"\n{FENCE}")
    try:
        found = yaml.safe_load(head) if fence else None
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
