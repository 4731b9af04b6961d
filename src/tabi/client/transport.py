"""What both clients ask of httpx, and what they make of its exceptions."""

from __future__ import annotations

import ssl
from typing import Any, TypedDict

import httpx

from tabi.client.calls import Answer, Call
from tabi.client.exchange import Attempt, Failure
from tabi.client.options import Options, base_url


class _Construct(TypedDict):
    base_url: httpx.URL
    headers: dict[str, str]
    limits: httpx.Limits
    verify: Any
    follow_redirects: bool


def construct(url: str, options: Options) -> _Construct:
    """Arguments of `httpx.Client` and `httpx.AsyncClient`. A redirect is not followed: it may lead a token away."""
    return {
        "base_url": base_url(url),
        "headers": options.common_headers(),
        "limits": options.limits(),
        "verify": options.verify,
        "follow_redirects": False,
    }


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[Any], attempt: Attempt) -> httpx.Request:
    """The HTTP request of one attempt."""
    headers = {"x-request-id": call.request_id}
    if call.content_type:
        headers["content-type"] = call.content_type
    return http.build_request(
        call.method, call.path, content=call.body or None, headers=headers, timeout=attempt.timeout
    )


def answer_of(response: httpx.Response, body: bytes) -> Answer:
    """A complete response."""
    return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


def late(attempt: Attempt) -> Failure:
    """The deadline of the call is over."""
    return Failure(f"no complete answer before the deadline, {attempt.left:.3g} s after this attempt began", late=True)


def failure_of(error: httpx.RequestError, attempt: Attempt) -> Failure:
    """What an exception of httpx means. Its own text is not passed on: it may hold what was sent."""
    match error:
        case httpx.ConnectTimeout():
            return Failure(f"no connection within {attempt.timeout:.3g} s", late=True, again=True)
        case httpx.PoolTimeout():
            return Failure(f"no connection of the pool was free within {attempt.timeout:.3g} s", late=True)
        case httpx.TimeoutException():
            # a server that is slow would only be slower if it were asked twice
            return Failure(f"nothing came for {attempt.timeout:.3g} s", late=True)
        case httpx.ConnectError() if _is_tls(error):
            return Failure("there is no trusted TLS: see to the certificate, the address or verify")
        case httpx.ConnectError():
            return Failure("the server cannot be reached", again=True)
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return Failure("the connection broke before the answer was complete", again=True)
        case _:
            return Failure(f"the exchange failed ({type(error).__name__})")


def _is_tls(error: BaseException | None) -> bool:
    """Whether TLS is the reason, which stands behind the exceptions of httpx and httpcore."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
