"""What a batch runs for one name: `python -m tabi.training.child NAME [key=value ...]`.

The workspace is told by the variables of `tabi.workspace`. The exit code is that of the error, as for every command.
"""

from __future__ import annotations

import sys

from tabi.errors import TabiError, outcome_of
from tabi.project import load_config
from tabi.training.progress import PlainReporter
from tabi.training.train import result_line, train
from tabi.workspace import Workspace


def main(arguments: list[str]) -> int:
    """Train the project and print its result line; one line that says why if it cannot be."""
    workspace = Workspace.find()
    try:
        run = train(workspace, load_config(workspace, arguments[0], arguments[1:]), PlainReporter(sys.stdout))
    except TabiError as error:
        sys.stderr.write(f"tabi: {error}\n")
        return outcome_of(error).exit_code
    except KeyboardInterrupt:
        sys.stderr.write("tabi: stopped\n")
        return 130
    sys.stdout.write(result_line(run) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
