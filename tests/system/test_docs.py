"""The page of the routes works in a real browser, under its own policy, and asks nobody but its server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.serving.conftest import Harbour, harbour, serving

__all__ = ["harbour"]

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).with_name("docs_script.py")


def test_a_prediction_is_made_on_the_page(playwright: Path, chromium: str, harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage") as server:
        url = f"http://{server.host}:{server.port}"
        done = subprocess.run(
            [str(playwright), str(SCRIPT), chromium, url], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # what a policy forbids, or a script that fails, is said on the console
    assert found["said"] == []
    assert found["output"].startswith("200")
    assert all(each.startswith(f"{url}/") for each in found["asked"])
