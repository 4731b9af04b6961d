"""A scorer in a process of its own: `python -m tabi.score.worker`. Tasks come on stdin, what is done goes to stdout.

It ends when stdin ends, and nobody but the parent holds the other end of it: so it also ends when that is killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tabi.errors import BundleError, TabiError
from tabi.score.blocks import Task, unpacked
from tabi.score.messages import Done, Setup, receive, send
from tabi.score.parts import Counts, Parts


def main() -> None:
    """Score tasks until there are no more."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the messages
    setup = receive(sys.stdin.buffer, Setup)
    if setup is None:
        return
    import pyarrow as pa

    from tabi.bundle import Bundle
    from tabi.score.scorer import Scorer

    pa.set_cpu_count(1)
    schema = pa.ipc.read_schema(pa.py_buffer(setup.schema))
    bundle = Bundle.open(Path(setup.bundle))
    if bundle.id != setup.version:
        raise BundleError(f"the bundle {setup.bundle} is another one by now: call again")
    scorer = Scorer(bundle, schema, setup.keys)
    parts = Parts(Path(setup.parts))
    send(replies, Done(Counts()))  # up
    while (task := receive(sys.stdin.buffer, Task)) is not None:
        try:
            done = Done(parts.write(task.index, scorer.score(unpacked(task))))
        except OSError as error:
            done = Done(Counts(), error.strerror or type(error).__name__, "disk")
        except TabiError as error:
            done = Done(Counts(), str(error), "tabi")
        except Exception as error:  # noqa: BLE001 - a foreign error's text may hold a value: only its name is told
            done = Done(Counts(), type(error).__name__, "other")
        try:
            send(replies, done)
        except BrokenPipeError:
            # who asked was killed, and nobody is there to be told
            os._exit(1)


if __name__ == "__main__":
    main()
