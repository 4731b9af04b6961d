"""Figures and files of the same look. The same figures give the same bytes."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = dict[str, Any]

# what names are written in where the usual font has no such characters, if the machine has one of these
FALLBACKS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "Hiragino Sans",
    "Yu Gothic",
)
USUAL = "DejaVu Sans"


@contextmanager
def any_names() -> Iterator[None]:
    """Draw names in any script. Where no font has their characters, boxes are drawn; the JSON has the names."""
    from matplotlib import font_manager, rc_context

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [USUAL, *(name for name in FALLBACKS if name in installed)]
    with rc_context({"font.family": fonts}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(height: float = 4.0, width: float = 6.0) -> tuple[Figure, Axes]:
    """An empty figure of one pair of axes, in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def save_figure(path: Path, figure: Figure) -> Path:
    """Write a figure as PNG."""
    # without the name of the library's version, which is all that a PNG would hold beside the pixels
    figure.savefig(path, dpi=100, metadata={"Software": None})
    return path


def save_json(path: Path, content: Json) -> Path:
    """Write a report's figures; a number that is none becomes null."""
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def shown(name: str, most: int = 40) -> str:
    """A name as a figure can show it: `$` would begin a formula."""
    short = name if len(name) <= most else f"{name[: most - 1]}…"
    return short.replace("$", r"\$")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
