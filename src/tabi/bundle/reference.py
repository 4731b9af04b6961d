"""`reports/reference.json`: what served rows and scores are compared with beyond the contract's own reference.

It lies among the reports, so that a reader that does not know it passes over it; a bundle without it is served alike,
but without a reference of its scores and without warnings of rare rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tabi.bundle import layout
from tabi.contract.bins import score_bins
from tabi.contract.rarity import RarityBound
from tabi.errors import BundleError

if TYPE_CHECKING:
    from tabi.bundle.read import Bundle
    from tabi.contract import Contract

PATH = layout.REPORTS + "reference.json"


class Reference(msgspec.Struct, frozen=True):
    """`scores`: rows of the test set in each bin of `score_bins`. `rarity`: from where on a row is rare."""

    scores: tuple[int, ...] | None = None
    rarity: RarityBound | None = None

    def to_json(self) -> bytes:
        """The document."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def reference_of(bundle: Bundle, contract: Contract) -> Reference:
    """What a bundle carries; nothing where it is of an earlier Tabi."""
    if not bundle.has(PATH):
        return Reference()
    try:
        found = msgspec.json.decode(bundle.document(PATH), type=Reference)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BundleError(f"{PATH} of {bundle.folder} is not a reference ({error}): release again") from error
    if found.scores is not None and len(found.scores) != len(score_bins(contract.target).names):
        raise BundleError(f"{PATH} of {bundle.folder} does not fit its contract: release again")
    return found
