import io
import math
import os
import pty

import pytest

from tabi.training.progress import Both, PlainReporter, Quiet, Terminal, reporting


def test_plain_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    with reporting(out) as report:
        report.stage("search")
        for done in range(1, 101):
            report.step(done, 100, 0.75)
    assert out.getvalue() == "search\n  100/100 fits, best score so far 0.7500\n"
    monkeypatch.setattr("tabi.training.progress.LINE_EVERY_S", 0.0)
    PlainReporter(out).step(1, 9, math.nan)
    assert out.getvalue().endswith("  1/9 fits\n")


def test_a_terminal_shows_a_bar_with_the_best_score() -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream, reporting(Terminal(stream)) as report:
        both = Both(report, Quiet())
        both.stage("search")
        both.step(3, 9, 0.8123)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert "search" in shown
    assert "3/9" in shown
    assert "best 0.8123" in shown


def test_a_stream_that_is_gone_is_written_to_without_harm() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    terminal = Terminal(stream)
    assert terminal.write("text") == 4
    terminal.flush()
    with pytest.raises(BrokenPipeError):
        stream.close()
    assert terminal.write("more") == 4
    assert not terminal.isatty()
