"""`tabi card`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import warn_of, write_line
from tabi.workspace import Workspace


def card(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:NUMBER, NAME:ID or the path of a bundle.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write the card's page to this file instead.")] = None,
) -> None:
    """Print the model card of a bundle, or write its page."""
    from tabi.registry.card.show import card_text, open_card, write_page

    bundle = open_card(Workspace.find(), ref)
    warn_of(bundle.signed.problem)
    if html is None:
        write_line(card_text(bundle).rstrip("\n").encode())
    else:
        write_page(bundle, html)
        typer.echo(f"wrote {html}")
