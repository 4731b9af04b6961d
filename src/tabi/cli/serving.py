"""`tabi serve` and `tabi predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tabi.errors import NotFoundError
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.serving.slot import Slot

Ref = Annotated[str, typer.Argument(help="NAME, NAME@latest, NAME:ID or the path of a bundle.")]


def serve(
    ref: Ref,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    check: Annotated[bool, typer.Option("--check", help="Prove that it can start, and exit.")] = False,
) -> None:
    """Serve a released bundle over HTTP until SIGTERM or Ctrl-C."""
    from tabi.serving.run import check as check_only
    from tabi.serving.run import serve as run_server
    from tabi.store import Store

    store = Store(Workspace.find().store)
    if check:
        model = check_only(store, ref, host, port).model
        typer.echo(f"{model.name} {model.version} can be served")
        return

    def ready(slot: Slot, url: str) -> None:
        typer.echo(f"serving {slot.model.name} {slot.model.version[:12]} on {url} (documentation: {url}/docs)")

    run_server(store, ref, host, port, ready)


def predict(
    ref: Ref,
    json: Annotated[str, typer.Option("--json", help='A file with {"features": …} or {"rows": […]}; - is stdin.')],
) -> None:
    """Predict one row or many; the answer is the server's, through the same code."""
    from tabi.serving.codec import encode
    from tabi.serving.hot import new_request_id
    from tabi.serving.model import Model
    from tabi.store import Store

    body = _read(json)
    model = Model.open(Store(Workspace.find().store).resolve(ref))
    typer.echo(encode(model.answer(body, new_request_id())).decode())


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {name} ({error.strerror}): name a JSON file, or - for stdin") from error
