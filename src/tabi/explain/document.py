"""`explanation.json`: what an explanation needs beside the served graph.

The encoder is a graph of its own, made by the same compiler: what the served graph's last step reads. The rest is
that step's numbers, with what the served graph has lost: how many training rows went each way, or the columns' means.
"""

from __future__ import annotations

from typing import Literal, Self

import msgspec

from tabi.errors import BundleError

FORMAT = 1

# the answer of a score s: s itself, 1 / (1 + e^-s), e^s, or the softmax of the scores of all classes
Link = Literal["identity", "logit", "log", "softmax"]


class Trees(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="trees"):
    """Binary trees whose leaves are summed. Arrays are as `arrays.pack` writes them, a number for each of `nodes`.

    `feature`: int32, the encoded column that is split, -1 at a leaf. `threshold`: float64, lower or equal goes left.
    `left`, `right`: int32, how far behind the node its children stand. `missing_left`: uint8. `cover`: float64, the
    weight of the training rows. `value`: float64, `width` numbers a leaf: the one score of its tree, or one of each.

    `roots`, `targets`: int32 by tree, its first node and the score that it adds to. `narrow`: columns are rounded to
    float32 first. `categories`: the values that a categorical column had at the fit, by encoded column; every other
    counts as missing. `splits`: int32 by node, its row of `sets`, -1 if the split is numeric. `sets`: uint8, `words`
    bytes a categorical split, of which bit i says that the column's category i goes left.
    """

    nodes: int
    width: int
    trees: int
    narrow: bool
    feature: bytes
    threshold: bytes
    left: bytes
    right: bytes
    missing_left: bytes
    cover: bytes
    value: bytes
    roots: bytes
    targets: bytes
    categories: dict[int, tuple[float, ...]] = {}
    splits: bytes = b""
    sets: bytes = b""
    sets_count: int = 0
    words: int = 0


class Linear(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="linear"):
    """A product with coefficients: float64 [scores, encoded columns], and the training rows' means of those columns."""

    coefficients: bytes
    means: bytes


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model's scores come about.

    `encoder`: ONNX, the contract's tensors -> float64 [N, len(owners)], output `encoded`. `owners`: by encoded column,
    the column of the contract that it was made from. `scores`: how many scores a row has: one, or one a class.
    A row's scores are `offsets`, such as an intercept, and `factor` times what `model` sums up.
    """

    link: Link
    scores: int
    owners: tuple[int, ...]
    offsets: tuple[float, ...]
    model: Trees | Linear
    factor: float = 1.0
    encoder: bytes = b""
    format: int = FORMAT

    def to_json(self) -> bytes:
        """JSON on one line: it is not read by people."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read what `to_json` wrote; `BundleError` if it is anything else."""
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BundleError(f"explanation.json is not an explanation ({error}): release the model again") from error
        if found.format != FORMAT:
            raise BundleError(f"explanation.json has format {found.format}, this Tabi reads {FORMAT}: update Tabi")
        if len(found.offsets) != found.scores:
            raise BundleError("explanation.json has another number of offsets than of scores: release the model again")
        return found
