"""How a server is run: addresses, limits, and where it writes. One object, so that a worker process can be given it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tabi.bundle.trust import Trust
from tabi.contract.columns import Logged
from tabi.errors import ConfigError
from tabi.predictions.privacy import Privacy, read_key

# seconds between two looks at a store: in a folder, and on S3, where each is a request that is paid
POLL = 0.25
REMOTE_POLL = 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker takes before it refuses. Sizes in bytes, times in seconds."""

    body: int = 64 << 20
    row_body: int = 1 << 20
    # of the field's protocols: it is decoded whole, which takes many times its size in memory
    protocol_body: int = 4 << 20
    headers: int = 32 << 10
    rows: int = 100_000
    columns: int = 10_000
    string: int = 64 << 10
    # bodies that are being read or answered, all together: memory is refused before it is used
    buffered: int = 192 << 20
    in_flight: int = 1024
    connections: int = 8192
    # a client that takes longer than these times is sent away; `byte_rate` bytes of a body, or of an answer that is
    # read, gain it another second
    byte_rate: int = 32 << 10
    header_time: float = 10.0
    body_time: float = 60.0
    idle_time: float = 65.0
    grace: float = 20.0


def limits_of(stated: Sequence[str]) -> Limits:
    """The limits with those changed that are stated as `name=value`; `ConfigError` names the nearest known one."""
    known = {field.name: field for field in msgspec.structs.fields(Limits)}
    changed: dict[str, float] = {}
    for one in stated:
        name, _, value = one.partition("=")
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise ConfigError(f"unknown limit {name[:64]!r}; {hint}")
        try:
            changed[name] = msgspec.convert(value, Annotated[known[name].type, msgspec.Meta(gt=0)], strict=False)
        except msgspec.ValidationError:
            kind = "whole number" if known[name].type is int else "number"
            raise ConfigError(f"limit {name}: give a {kind} greater than 0, such as {known[name].default}") from None
    return msgspec.structs.replace(Limits(), **changed)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `tabi serve` was asked for.

    `admin_port`: where operators ask, on loopback; 0 takes a free one, None is no second port. `grpc_port`: of the Open
    Inference Protocol over gRPC, None does not speak it. `tokens`: file of the tokens by which operators may ask on the
    public port too. `metrics`: who may read `/metrics`. `log`: folder of the prediction log, None writes none.
    `log_inputs`: no column is logged with more; `log_key`: file of the key of hashes.
    `log_gzip`: compress closed segments; `log_days`, `log_bytes`: how long they are kept; `log_ready`: what `/readyz`
    says while nothing can be logged. `feedback`: who may send it.
    `origins`: what a browser's page may come from; none by default. `poll`: seconds between two looks at the store.
    `evidence`: folder of the record that a server leaves when it answers, None leaves none.
    `handover`: whether the port is taken from the server that has it, and given to the one that follows.
    `trust`: whose signature a bundle must have; None verifies none. `store_url`: of a store on S3, instead of `store`.
    """

    refs: tuple[str, ...]
    store: Path
    host: str = "127.0.0.1"
    port: int = 8000
    admin_port: int | None = 0
    grpc_port: int | None = None
    workers: int = 1
    handover: bool = False
    tokens: Path | None = None
    metrics: Literal["public", "admin"] = "public"
    log: Path | None = None
    log_inputs: Logged = "full"
    log_key: Path | None = None
    log_gzip: bool = True
    log_days: float | None = None
    log_bytes: int | None = None
    log_ready: Literal["degraded", "ready", "not_ready"] = "degraded"
    access_log: bool = False
    feedback: Literal["public", "admin"] = "admin"
    origins: tuple[str, ...] = ()
    poll: float = POLL
    require: Literal["all", "any"] = "all"
    limits: Limits = Limits()
    trust: Trust | None = None
    evidence: Path | None = None
    store_url: str | None = None


def privacy_of(settings: Settings) -> Privacy:
    """What the log may hold; `ConfigError` where the key is none."""
    return Privacy(settings.log_inputs, None if settings.log_key is None else read_key(settings.log_key))


def poll_of(store_url: str | None, refs: Iterable[str]) -> float:
    """Seconds between two looks at a store that may lie on S3."""
    return REMOTE_POLL if store_url is not None or any(ref.startswith("s3:") for ref in refs) else POLL
