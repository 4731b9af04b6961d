"""How far a run is: lines for a file, a bar for a terminal."""

from __future__ import annotations

import io
import os
import pty

import pytest

from tabi.score import progress as module
from tabi.score.progress import progress_on


def test_elsewhere_than_on_a_terminal_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with progress_on(stream, 1000) as progress:
        progress.read(250)
        progress.done(10)
        assert stream.getvalue() == "", "a short run says nothing"
        monkeypatch.setattr(module, "LINE_EVERY_S", 0)
        progress.done(1234)
    assert stream.getvalue().startswith("1,234 rows scored, 25 % of the input read, ")
    assert stream.getvalue().count("\n") == 1


def test_a_stream_that_has_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_EVERY_S", 0)
    reader, writer = os.pipe()
    os.close(reader)
    with (
        os.fdopen(writer, "wb", buffering=0) as raw,
        progress_on(io.TextIOWrapper(raw, write_through=True), 10) as progress,
    ):
        progress.done(1)
        progress.done(2)


def test_on_a_terminal_there_is_a_bar() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        with progress_on(terminal, 1000) as progress:
            progress.read(1000)
            progress.done(1234)
        shown = b""
        while b"\x1b[?25h" not in shown:  # the cursor comes back at the end
            shown += os.read(ours, 65_536)
    os.close(ours)
    assert b"scoring" in shown
    assert b"1,234 rows" in shown
