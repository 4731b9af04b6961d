"""Where a request gets its arm, before it is decoded: one way in for every body and protocol over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tabi.serving.batching import Done
from tabi.serving.endpoints import Asking, Endpoint
from tabi.serving.messages import Response
from tabi.serving.steering.steering import Steering


def steer(steering: Steering, endpoint: Endpoint, asking: Asking, done: Done) -> tuple[Asking, Done]:
    """A request whose body is there, with its arm, and what counts its answer."""
    routed = steering.route(asking, endpoint.version)
    copies = steering.copying(endpoint.label, routed.asking.unit)
    if copies is not None:
        copies.offer(endpoint.label, routed.asking, [asking.body])
    return routed.asking, routed.watching(done)


def steer_large(
    endpoint: Endpoint, asking: Asking, parts: Sequence[bytes]
) -> tuple[Asking, Callable[[Response], Response]]:
    """The same for a large request, whose body is in parts; where nothing is divided, both are as they were."""
    steering = endpoint.steering
    if steering is None:
        return asking, _as_it_is
    routed = steering.route(asking, endpoint.version)
    copies = steering.copying(endpoint.label, routed.asking.unit)
    if copies is not None:
        copies.offer(endpoint.label, routed.asking, parts)
    return routed.asking, lambda response: routed.arm.answered(response, asking.began)


def _as_it_is(response: Response) -> Response:
    return response
