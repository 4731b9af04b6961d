"""The card of a bundle that is there: as it is, or its page."""

from __future__ import annotations

from pathlib import Path

from tabi.bundle import Bundle, Trust, layout
from tabi.errors import ConfigError, NotFoundError
from tabi.registry.card.document import PAGE
from tabi.store import Store
from tabi.workspace import Workspace


def open_card(workspace: Workspace, ref: str) -> Bundle:
    """The bundle that `ref` names, verified as TABI_VERIFY_KEY and TABI_VERIFY say."""
    return Bundle.open(Store(workspace.models).resolve(ref), Trust.from_environment())


def card_text(bundle: Bundle) -> str:
    """`MODEL_CARD.md` of a bundle."""
    return _document(bundle, layout.MODEL_CARD).decode()


def write_page(bundle: Bundle, path: Path) -> None:
    """Write the page of a bundle's card to a file. `NotFoundError` for a bundle of before there were pages."""
    content = _document(bundle, PAGE)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror}): name a file in a folder that is there") from error


def _document(bundle: Bundle, path: str) -> bytes:
    if not bundle.has(path):
        raise NotFoundError(f"the bundle {bundle.id[:12]} of {bundle.name} has no {path}: release it again")
    return bundle.document(path)
