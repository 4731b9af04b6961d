"""Run as a process of its own: load a bundle as the server does, answer a row, and print what was opened on the way.

    python opened.py FOLDER

It must import nothing of the training house before the hook is in place. The last line is JSON: `opened`, the bundle's
files that were opened; `pickled`, what an unpickler asked for; `imported`, libraries that a server has no use for.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

FORBIDDEN = frozenset({"sklearn", "pandas", "mlflow", "joblib", "skops", "cloudpickle", "dill", "scipy"})

folder = os.path.realpath(sys.argv[1])
opened: set[str] = set()
pickled: set[str] = set()
imported: set[str] = set()


def hook(event: str, args: tuple[Any, ...]) -> None:
    """What the interpreter is about to do."""
    if event == "open" and isinstance(args[0], str | bytes):
        path = os.path.realpath(os.fsdecode(args[0]))
        if path.startswith(folder + os.sep):
            opened.add(os.path.relpath(path, folder))
    elif event == "pickle.find_class":
        pickled.add(f"{args[0]}.{args[1]}")
    elif event == "import" and str(args[0]).partition(".")[0] in FORBIDDEN:
        imported.add(str(args[0]).partition(".")[0])


sys.addaudithook(hook)

from pathlib import Path  # noqa: E402 - the hook comes first

from tabi.serving.model import Model  # noqa: E402

model = Model.open(Path(folder))
model.session.predict(model.reader.read([{}])[0])
print(json.dumps({"opened": sorted(opened), "pickled": sorted(pickled), "imported": sorted(imported)}))
