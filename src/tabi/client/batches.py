"""The replies to the parts of a batch -> one reply."""

from __future__ import annotations

from msgspec.structs import replace

from tabi.client.errors import MixedVersionsError
from tabi.client.replies import AnyBatchReply


class Joined:
    """Takes the replies to the parts of a batch in their order, and is one reply in the end."""

    def __init__(self) -> None:
        self._parts: list[AnyBatchReply] = []

    def add(self, part: AnyBatchReply) -> None:
        """The next part. `MixedVersionsError` if another version gave it: their answers do not belong together."""
        self._parts.append(part)
        first = self._parts[0]
        if (part.model, part.version) != (first.model, first.version):
            message = "the server took another version between two parts of the batch: send it again"
            raise MixedVersionsError(message, part.request_id)

    def reply(self) -> AnyBatchReply:
        """All predictions and warnings in order, under the first part's request id."""
        return replace(
            self._parts[0],
            predictions=tuple(prediction for part in self._parts for prediction in part.predictions),
            warnings=tuple(warning for part in self._parts for warning in part.warnings),
        )
