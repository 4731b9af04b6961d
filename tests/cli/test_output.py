"""Output that is longer than a pipe takes at once."""

from __future__ import annotations

import subprocess
import sys
import time

WRITE = "import sys; from tabi.cli.output import write_line; write_line(b'x' * int(sys.argv[1]))"


def test_a_long_line_reaches_a_slow_reader_whole_even_unbuffered() -> None:
    size = 3_000_000
    with subprocess.Popen([sys.executable, "-u", "-c", WRITE, str(size)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        time.sleep(0.3)
        found = process.stdout.read()
    assert (process.returncode, len(found)) == (0, size + 1)
