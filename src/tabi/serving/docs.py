"""`/docs`: the description as one page that loads nothing from anywhere, so it works behind a firewall too."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from tabi.serving.messages import Response

Json = dict[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2433 }
h1 { font-weight: 600 } h2 { margin-top: 2.5rem; font-size: 1.1rem; text-transform: capitalize }
details { border: 1px solid #d5dbe5; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } code, pre, textarea { font: 14px/1.4 ui-monospace, monospace }
textarea { width: 100%; height: 12rem; box-sizing: border-box } pre { background: #f3f5f9; padding: .6rem }
.method { display: inline-block; width: 3.5rem; font-weight: 600; color: #22577a } button { padding: .3rem 1rem }
"""
_SCRIPT = """
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const out = form.querySelector("output"), body = form.querySelector("textarea");
    const asked = { method: form.dataset.method };
    if (body) { asked.body = body.value; asked.headers = { "content-type": "application/json" }; }
    try {
      const answer = await fetch(form.dataset.path, asked), text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON, and is shown as it is */ }
      out.textContent = answer.status + "\\n" + shown;
    } catch (error) { out.textContent = "no answer: " + error; }
  });
}
"""
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TAGS = ("predict", "protocol", "operate")


def docs_page(document: Json) -> Response:
    """The page of an OpenAPI document: every route, what it takes and gives, and a form to try it."""
    title = escape(document["info"]["title"])
    parts = "".join(_section(document, tag) for tag in _TAGS)
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title} {escape(document['info']['version'])}</h1><p>{escape(document['info']['description'])} "
        f'The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>{parts}<script>{_SCRIPT}</script></html>'
    )
    return Response(page.encode(), "text/html; charset=utf-8", headers=(("content-security-policy", _POLICY),))


def _section(document: Json, tag: str) -> str:
    return f"<h2>{tag}</h2>" + "".join(
        _route(document, path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if tag in operation["tags"]
    )


def _route(document: Json, path: str, method: str, operation: Json) -> str:
    answers = "".join(
        f"<li><code>{status}</code> {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {})
    kinds = f"<p>Takes {', '.join(f'<code>{escape(kind)}</code>' for kind in body)}.</p>" if body else ""
    return (
        f"<details><summary><span class=method>{method.upper()}</span><code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>{kinds}<ul>{answers}</ul>"
        f"{_form(document, _filled(path, operation), method, body)}</details>"
    )


def _filled(path: str, operation: Json) -> str:
    """The path with an example in place of each parameter."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter.get("example", parameter["name"]))
    return path


def _form(document: Json, path: str, method: str, body: Json) -> str:
    example = json.dumps(_example(document, body["application/json"]["schema"]), indent=2) if body else ""
    field = f"<textarea aria-label=body>{escape(example)}</textarea>" if body else ""
    return (
        f'<form data-method="{method.upper()}" data-path="{escape(path)}">{field}<button>Ask</button>'
        "<pre><output></output></pre></form>"
    )


def _example(document: Json, schema: Json) -> Any:
    """Something of the schema's form, by what it says of itself."""
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _example(document, schema["anyOf"][0])
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [_example(document, schema["items"])]
    if schema.get("type") == "object":
        return dict(_members(document, schema))
    return 0


def _members(document: Json, schema: Json) -> Iterator[tuple[str, Any]]:
    for name, member in schema.get("properties", {}).items():
        yield name, _example(document, member)
