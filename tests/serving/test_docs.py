"""The page of the routes: it says what the description says, loads nothing, and lets nothing in."""

from __future__ import annotations

import base64
import hashlib
import re

from tabi.serving.docs import docs_page
from tests.serving.conftest import Ask, Harbour


def test_the_page_names_every_route_and_loads_nothing(ask: Ask, harbour: Harbour) -> None:
    document = ask("GET", "/openapi.json")[2]
    page = ask("GET", "/docs")[2].decode()
    for path in document["paths"]:
        assert f'data-path="{path.format(version=harbour.older)}"' in page
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)


def test_its_policy_lets_its_own_script_run_and_no_other(ask: Ask) -> None:
    _, headers, content = ask("GET", "/docs")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    scripts = re.findall(r"<script>(.*?)</script>", content.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy["script-src"] == f"'sha256-{digest}'"
    assert len(scripts) == 1
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}


def test_what_a_model_is_called_is_never_markup(ask: Ask) -> None:
    document = ask("GET", "/openapi.json")[2]
    evil = "</textarea><script>alert(1)</script>\"'"
    row = document["components"]["schemas"]["Row"]
    row["properties"] = {evil: {"type": ["string"], "examples": [evil]}}
    document["info"]["title"] = evil
    document["paths"] = {f"/{evil}": document["paths"]["/predict"]}
    page = docs_page(document).content.decode()
    assert page.count("<script>") == 1
    assert "alert(1)</script>" not in page
