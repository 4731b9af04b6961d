"""What a batch runs for one name: `python -m tabi.training.child PID NAME [key=value ...]`, PID being its own.

The workspace is told by the variables of `tabi.workspace`. The exit code is that of the error, as for every command.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tabi.errors import TabiError, outcome_of
from tabi.project import load_config
from tabi.training.job import result_line, train
from tabi.training.progress import PlainReporter
from tabi.workspace import Workspace

# the variable by which a batch tells who started it
TRAINED_BY = "TABI_TRAINED_BY"


def main(batch: str, name: str, *overrides: str) -> int:
    """Train the project and print its result line; one line that says why if it cannot be."""
    threading.Thread(target=_end_with, args=(int(batch),), daemon=True).start()
    workspace = Workspace.find()
    try:
        config, trained_by = load_config(workspace, name, overrides), os.environ.get(TRAINED_BY, "")
        run = train(workspace, config, PlainReporter(sys.stdout), trained_by)
    except TabiError as error:
        sys.stderr.write(f"tabi: {error}\n")
        return outcome_of(error).exit_code
    except KeyboardInterrupt:
        sys.stderr.write("tabi: stopped\n")
        return 130
    except Exception as error:
        if os.environ.get("TABI_DEBUG"):
            raise
        # its text may hold values of rows, and the log is kept
        sys.stderr.write(f"tabi: unexpected {type(error).__name__}: run again with TABI_DEBUG=1 and report it\n")
        return 1
    sys.stdout.write(result_line(run) + "\n")
    return 0


def _end_with(batch: int) -> None:
    """End with all workers when the batch has gone: nobody would record what they do."""
    while os.getppid() == batch:
        time.sleep(1)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
