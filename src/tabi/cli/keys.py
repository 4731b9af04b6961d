"""`tabi keys` and `tabi sign`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tabi.workspace import Workspace

app = typer.Typer(help="Keys that sign bundles.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keys that sign bundles."""


@app.command("new")
def new(
    out: Annotated[Path, typer.Option(help="The folder of the two files.")] = Path("keys"),
) -> None:
    """Make a key pair; TABI_SIGNING_PASSPHRASE, where it is set, encrypts the private key."""
    from tabi.bundle.keys import PASSPHRASE, new_key_pair

    pair = new_key_pair(out, os.environ.get(PASSPHRASE) or None)
    typer.echo(f"private key  {pair.private}  keep it secret: TABI_SIGNING_KEY={pair.private} signs")
    typer.echo(f"public key   {pair.public}  hand it out: TABI_VERIFY_KEY={pair.public} verifies")
    typer.echo(pair.fingerprint)


@app.command("show")
def show(
    key: Annotated[
        Path | None, typer.Argument(help="The PEM file of a key. Default: the keys that this environment names.")
    ] = None,
) -> None:
    """Show fingerprints: of one key, or of the key that signs here and of those that are trusted."""
    from tabi.bundle import Trust
    from tabi.bundle.keys import PASSPHRASE, shown_fingerprint
    from tabi.bundle.signature import Signer

    if key is not None:
        typer.echo(shown_fingerprint(key, os.environ.get(PASSPHRASE) or None))
        return
    signer, trust = Signer.from_environment(), Trust.from_environment()
    typer.echo(f"signs    {signer.fingerprint if signer else 'nothing: TABI_SIGNING_KEY is not set'}")
    for fingerprint in trust.keys if trust else ("nobody: TABI_VERIFY_KEY is not set",):
        typer.echo(f"trusted  {fingerprint}{f' ({trust.mode})' if trust else ''}")


def sign(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@latest, NAME:ID or the path of a bundle.")],
) -> None:
    """Sign a bundle that is there already, with the key of TABI_SIGNING_KEY."""
    from tabi.registry.signing import sign_ref

    bundle, signer = sign_ref(Workspace.find(), ref)
    typer.echo(f"{bundle.name} {bundle.id} is signed by {signer.fingerprint}")
