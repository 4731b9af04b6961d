"""`tabi serve` and `tabi predict`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tabi.cli.output import warn_of, write_line
from tabi.errors import NotFoundError
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.serving.serve import Serving

Ref = Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")]
Refs = Annotated[
    list[str],
    typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle; one or several."),
]


class Readers(StrEnum):
    """Who may use a route: everybody, or who comes by the admin port or brings a token."""

    PUBLIC = "public"
    ADMIN = "admin"


class Inputs(StrEnum):
    """What the prediction log keeps of a row's values."""

    FULL = "full"
    HASHED = "hashed"
    NONE = "none"


class LogReady(StrEnum):
    """What a server that cannot log says of itself."""

    DEGRADED = "degraded"
    READY = "ready"
    NOT_READY = "not_ready"


class Require(StrEnum):
    """Which of several models must be there for the server to start and to be ready."""

    ALL = "all"
    ANY = "any"


def serve(
    refs: Refs,
    host: Annotated[str, typer.Option(help="Address to listen on.", envvar="TABI_HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535, envvar="TABI_PORT")
    ] = 8000,
    admin_port: Annotated[
        int,
        typer.Option(
            help="Port of operators' routes, on loopback; 0 takes a free one, -1 is none.",
            min=-1,
            max=65535,
            envvar="TABI_ADMIN_PORT",
        ),
    ] = 0,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            help="Port of the Open Inference Protocol over gRPC; none by default.",
            min=0,
            max=65535,
            envvar="TABI_GRPC_PORT",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1, max=256, envvar="TABI_WORKERS")] = 1,
    tokens: Annotated[
        Path | None, typer.Option(help="File of the tokens for operators' routes.", envvar="TABI_TOKENS")
    ] = None,
    metrics: Annotated[Readers, typer.Option(help="Who may read /metrics.", envvar="TABI_METRICS")] = Readers.PUBLIC,
    feedback: Annotated[Readers, typer.Option(help="Who may send feedback.", envvar="TABI_FEEDBACK")] = Readers.ADMIN,
    log: Annotated[bool, typer.Option(help="Write the prediction log.", envvar="TABI_LOG")] = True,
    log_inputs: Annotated[
        Inputs,
        typer.Option(help="No column is logged with more, whatever its project says.", envvar="TABI_LOG_INPUTS"),
    ] = Inputs.FULL,
    log_key: Annotated[
        Path | None, typer.Option(help="File of the key of values that are logged hashed.", envvar="TABI_LOG_KEY")
    ] = None,
    log_gzip: Annotated[bool, typer.Option(help="Compress closed segments of the log.", envvar="TABI_LOG_GZIP")] = True,
    log_days: Annotated[
        float | None,
        typer.Option(help="Days after which the log goes.", min=0, envvar="TABI_LOG_DAYS"),
    ] = None,
    log_bytes: Annotated[
        int | None, typer.Option(help="Bytes of the log beyond which its oldest go.", min=0, envvar="TABI_LOG_BYTES")
    ] = None,
    log_ready: Annotated[
        LogReady, typer.Option(help="What /readyz says while nothing can be logged.", envvar="TABI_LOG_READY")
    ] = LogReady.DEGRADED,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="A log line for every request.", envvar="TABI_ACCESS_LOG")
    ] = False,
    origin: Annotated[
        list[str] | None, typer.Option(help="Origin of pages that may ask from a browser.", envvar="TABI_ORIGINS")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="A limit as NAME=VALUE, such as body=16777216 or grace=10.", envvar="TABI_LIMITS"),
    ] = None,
    require: Annotated[
        Require, typer.Option(help="Which of several models must be there.", envvar="TABI_REQUIRE")
    ] = Require.ALL,
    handover: Annotated[
        bool,
        typer.Option(
            "--handover",
            help="Take the port from the server that has it, and give it to the next one.",
            envvar="TABI_HANDOVER",
        ),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Prove that it can start, and exit.")] = False,
) -> None:
    """Serve released bundles over HTTP until SIGTERM or Ctrl-C."""
    from tabi.bundle import Trust
    from tabi.serving.serve import check as check_only
    from tabi.serving.serve import serve as run_server
    from tabi.serving.settings import Settings, limits_of, poll_of

    workspace = Workspace.find()
    settings = Settings(
        refs=tuple(refs),
        store=workspace.store,
        host=host,
        port=port,
        admin_port=None if admin_port < 0 else admin_port,
        grpc_port=grpc_port,
        workers=workers,
        handover=handover,
        tokens=tokens,
        metrics=metrics.value,
        feedback=feedback.value,
        log=workspace.predictions if log else None,
        log_inputs=log_inputs.value,
        log_key=log_key,
        log_gzip=log_gzip,
        log_days=log_days,
        log_bytes=log_bytes,
        log_ready=log_ready.value,
        access_log=access_log,
        origins=tuple(origin or ()),
        require=require.value,
        limits=limits_of(limit or ()),
        store_url=workspace.store_url,
        poll=poll_of(workspace.store_url, refs),
        trust=Trust.from_environment(),
        evidence=workspace.evidence,
    )
    if check:
        for name, version in check_only(settings):
            typer.echo(f"{name} {version} can be served")
    else:
        run_server(settings, _say)


def _say(serving: Serving) -> None:
    """What the operator reads first, and the lines that a script may wait for."""
    found = ", ".join(f"{name} {version[:12]}" for name, version in serving.versions)
    url, admin = serving.addresses.url, serving.addresses.admin_url
    more = [f"documentation: {url}/docs", *([f"gRPC: port {serving.grpc_port}"] if serving.grpc_port else [])]
    more += [f"operators: {admin}"] if admin else []
    typer.echo(f"serving {found} on {url} ({', '.join(more)})")


def predict(
    ref: Ref,
    json: Annotated[str, typer.Option("--json", help='A file with {"features": …} or {"rows": […]}; - is stdin.')],
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell the share of each column in a row's answer.")
    ] = False,
) -> None:
    """Predict one row or many; the answer is the server's, through the same code."""
    from tabi.bundle import Trust
    from tabi.serving.codec import encode
    from tabi.serving.explanations import explain_body
    from tabi.serving.http.heads import new_request_id
    from tabi.serving.model import Model
    from tabi.store import Store

    body = _read(json)
    model = Model.open(Store(Workspace.find().models).resolve(ref), Trust.from_environment())
    warn_of(model.bundle.signed.problem)
    answer = explain_body if explain else Model.answer
    write_line(encode(answer(model, body, new_request_id())))


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {name} ({error.strerror}): name a JSON file, or - for stdin") from error
