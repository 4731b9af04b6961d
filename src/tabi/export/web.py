"""`tabi export web`: one page that holds the form, the graph and its runtime, and needs no server to answer.

All of it is in one file, so that it also runs from a disk, where browsers let a page load nothing beside itself. The
page's policy names the digest of each script: no other script runs, and nothing can be sent or fetched.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tabi.bundle import Bundle
from tabi.contract import Contract
from tabi.errors import ConfigError
from tabi.export.example import example_of
from tabi.export.folder import write_folder
from tabi.export.notice import notice
from tabi.export.runtime import Runtime

PAGE = "index.html"
NOTICE = "NOTICE.txt"
# in the order in which they build on each other
_SCRIPTS = ("values.js", "model.js", "words.js", "fields.js", "form.js")
_EXPORTS = re.compile(r"export\{([^{}]*)\};\s*(?://# sourceMappingURL=\S*\s*)?\Z")
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def export_page(source: Path, folder: Path, runtime: Runtime) -> Path:
    """Write the page of the bundle in `source` into `folder`; the file to open."""
    bundle = Bundle.open(source)
    write_folder(folder, {PAGE: page(bundle, runtime).encode(), NOTICE: notice().encode()})
    return folder / PAGE


def page(bundle: Bundle, runtime: Runtime) -> str:
    """The page as HTML. The same bundle and runtime give the same page."""
    code = _global(runtime.code.decode())
    script = f"\n{''.join(_resource(name) for name in _SCRIPTS)}"
    style = f"\n{_resource('style.css')}"
    parts = {
        "policy": _policy(style, code, script),
        "title": escape(bundle.name),
        "style": style,
        "model": _data(_model(bundle)),
        "graph": _packed(bundle.graph_bytes()),
        "wasm": _packed(runtime.wasm),
        "runtime": code,
        "script": script,
    }
    return _PLACE.sub(lambda place: parts[place[1]], _resource("page.html"))


def _policy(style: str, *scripts: str) -> str:
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed} 'wasm-unsafe-eval'; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    # a browser reads these another way than they are written, so that no digest would fit
    if "\r" in text or "\0" in text or re.search(r"<!--|</?script", text, re.IGNORECASE):
        raise ConfigError("a script of the page cannot stand in a page: take the runtime as it was published")
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _global(code: str) -> str:
    """The runtime's module with its exports as the global `ort`: a module within a page has no address to import."""
    names = _EXPORTS.search(code)
    if names is None:
        raise ConfigError("the runtime is no module with exports: take it as it was published")
    pairs = (name.split(" as ") for name in names[1].split(","))
    members = ",".join(f"{outside}:{inside}" for inside, outside in pairs)
    return f"{code[: names.start()]}globalThis.ort={{{members}}};"


def _model(bundle: Bundle) -> dict[str, Any]:
    """What the page knows of the model. How the training rows were distributed is left out."""
    contract = bundle.contract()
    target = contract.target
    return {
        "name": bundle.name,
        "version": bundle.id,
        "target": {"name": target.name, "task": target.task, "classes": target.classes},
        "threshold": bundle.threshold().threshold if target.task == "binary" else None,
        "strict": contract.strict,
        "columns": _columns(contract),
        "numeric": [column.name for column in contract.numeric],
        "strings": [column.name for column in contract.strings],
        "example": example_of(bundle).row,
    }


def _columns(contract: Contract) -> list[dict[str, Any]]:
    columns = [msgspec.to_builtins(column) for column in contract.columns]
    return [{name: value for name, value in column.items() if name != "reference"} for column in columns]


def _data(content: Any) -> str:
    """JSON that a page can hold: no text of it is taken for markup."""
    return msgspec.json.encode(content).decode().replace("<", "\\u003c")


def _packed(content: bytes) -> str:
    # no time in it, so that the same content gives the same text
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _resource(name: str) -> str:
    return (files("tabi.export") / "page" / name).read_text("utf-8")
