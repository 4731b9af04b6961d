"""The history of deployments as a table for a person."""

from __future__ import annotations

from collections.abc import Sequence

from tabi.deploy.history import Deployment

HEAD = ("ID", "AT", "KIND", "NAME", "TARGET", "ENV", "VERSION", "REVISION", "IMAGE", "SECONDS", "OUTCOME", "BY", "WHY")
_LONGEST = 40


def table_of(deployments: Sequence[Deployment]) -> list[str]:
    """A line each, the oldest first, below a head. What is long is cut; `--json` has all of it."""
    rows = [HEAD, *(_row(each) for each in deployments)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(each: Deployment) -> tuple[str, ...]:
    return (
        str(each.id),
        each.at[:19].replace("T", " "),
        each.kind,
        each.name,
        each.target,
        each.environment,
        "-" if each.version is None else str(each.version),
        _short(each.revision),
        _image(each.image),
        "-" if each.seconds is None else f"{each.seconds:.1f}",
        each.outcome,
        each.by,
        _short(each.problem or each.reason),
    )


def _image(image: str) -> str:
    """The digest's first digits, which tell images apart."""
    return image.rpartition("sha256:")[2][:12] or "-"


def _short(text: str) -> str:
    """The end of a revision's ARN tells it apart, and the beginning of a reason."""
    text = text.rpartition("/")[2] if text.startswith("arn:") else text
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…") or "-"
