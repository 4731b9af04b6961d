"""Evidence that a server answers, and what can be seen of it from outside."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tabi.evidence import Record, append
from tabi.serving.settings import Settings
from tabi.serving.telemetry.trace import configured

_log = logging.getLogger(__name__)


def leave_evidence(settings: Settings, versions: Iterable[tuple[str, str]]) -> None:
    """A record for each model that answers. A server whose disk is read-only answers all the same."""
    if settings.evidence is None:
        return
    figures = {
        "metrics": True,
        "log": settings.log is not None,
        "traces": configured(),
        "workers": settings.workers,
        "verified": settings.trust is not None,
    }
    for name, bundle in versions:
        record = Record(kind="serve", subject=name, verdict="pass", inputs={"bundle": bundle}, figures=figures)
        try:
            append(settings.evidence, record)
        except OSError as error:
            _log.warning("evidence of this server is not kept (%s)", error.strerror)
            return
