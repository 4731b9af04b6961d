"""A card as one page of HTML: pictures are inside of it, and it needs no network and no script."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tabi.bundle import layout
from tabi.registry.card.document import body_of


def page_of(card: str, folder: Path, language: str = "en") -> str:
    """The page of a card whose pictures lie in `folder`, that of the bundle."""
    # tags that people wrote into their texts are shown, not obeyed
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(body_of(card))
    for token in _all(tokens):
        _embed(token, folder)
    body = reader.renderer.render(tokens, reader.options, {})
    style = files("tabi.registry.card").joinpath("page.css").read_text(encoding="utf-8")
    title = next((t.content for before, t in pairwise(tokens) if before.tag == "h1"), "Model card")
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Model card: {escape(title)}</title><style>{style}</style></head>\n<body>\n{body}</body></html>\n"
    )


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _embed(token: Token, folder: Path) -> None:
    """Put a report's picture into the page; a picture from elsewhere is not loaded, but its text is shown."""
    if token.type != "image":
        return
    source = str(token.attrGet("src") or "")
    path = folder / source
    name = source.removeprefix(layout.REPORTS)
    if source.startswith(layout.REPORTS) and source.endswith(".png") and "/" not in name and path.is_file():
        token.attrSet("src", f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}")
    else:
        token.type, token.tag, token.attrs = "text", "", {}
