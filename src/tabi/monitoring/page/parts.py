"""What several parts of the page have in common."""

from __future__ import annotations

from html import escape

from tabi.monitoring.section import Found


def badge(verdict: str) -> str:
    """A verdict or a status, in its colour and in words."""
    return f'<em class="badge {class_of(verdict)}">{escape(verdict)}</em>'


def class_of(verdict: str) -> str:
    """The class of CSS that has its colour."""
    return verdict.replace(" ", "-")


def heading(key: str, found: Found) -> str:
    """The head of a section, which the caller ends."""
    return (
        f'<section id="{escape(key)}"><h2>{escape(found.title)} {badge(found.verdict)}</h2>'
        f'<p class="reason">{escape(found.reason)}</p>'
    )
