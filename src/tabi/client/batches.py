"""The replies to the parts of a batch -> one reply."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from tabi.client.errors import MixedVersionsError
from tabi.client.replies import BatchReply


def joined(replies: Iterable[BatchReply]) -> BatchReply:
    """One reply with all predictions and warnings in order, under the first part's request id.

    `MixedVersionsError` if the server took another version in between: no one threshold would hold for all rows.
    """
    parts: list[BatchReply] = []
    for reply in replies:
        parts.append(reply)
        if _decider(reply) != _decider(parts[0]):
            message = "the server took another version between two parts of the batch: send it again"
            raise MixedVersionsError(message, reply.request_id)
    return replace(
        parts[0],
        predictions=tuple(prediction for part in parts for prediction in part.predictions),
        warnings=tuple(warning for part in parts for warning in part.warnings),
    )


def _decider(reply: BatchReply) -> tuple[str, str, float]:
    return reply.model, reply.version, reply.threshold
