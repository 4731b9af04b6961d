"""The real command, with other limits and looking at its clients more often: `limited_server.py LIMITS serve …`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from tabi.cli.main import main
from tabi.serving import run, serve
from tabi.serving.settings import Limits, Settings

LIMITS = msgspec.structs.replace(Limits(), **msgspec.json.decode(sys.argv.pop(1)))
_serve = serve.serve


def limited(settings: Settings, ready: Callable[[serve.Serving], None]) -> None:
    """`serve` with these limits."""
    _serve(msgspec.structs.replace(settings, limits=LIMITS), ready)


serve.serve = limited
run.CHECK_SECONDS = 0.05
main()
