"""A card as a document: its head between two lines of dashes, its body, and where its page lies in a bundle."""

from __future__ import annotations

from typing import Any

import yaml

from tabi.bundle import layout

FENCE = "---\n"
PAGE = f"{layout.REPORTS}model_card.html"


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


def body_of(card: str) -> str:
    """A card without its head."""
    return card[len(FENCE) :].partition(f"\n{FENCE}")[2] if card.startswith(FENCE) else card
