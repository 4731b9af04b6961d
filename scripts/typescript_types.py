"""Make clients/typescript/tabi.d.ts from what a server says of itself. Needs Node 20 and npm.

    python scripts/typescript_types.py [--own] [--check] SOURCE [TARGET]

SOURCE is the URL of a running server, or anything that `tabi serve` takes, which is then served for a moment. The file
that is checked in is for any model: the name is a parameter, and a row has any columns. With --own the file is for the
models of SOURCE, by their names and columns. --check writes nothing, and fails if TARGET would change.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "clients" / "typescript"
TARGET = FOLDER / "tabi.d.ts"
WAIT_S = 60
SCALAR = ["number", "string", "boolean", "null"]
OPTIONS = ("--alphabetize", "--default-non-nullable=false", "--root-types", "--root-types-no-schema-prefix")
HEAD = "// Made by `make types` from the OpenAPI document of a server.\n"


def main() -> None:
    """Read the command line, and write or compare the file."""
    parser = argparse.ArgumentParser(description="TypeScript types of a server")
    parser.add_argument("source", metavar="SOURCE", help="URL of a server, or what `tabi serve` takes")
    parser.add_argument("target", metavar="TARGET", type=Path, nargs="?", default=TARGET)
    parser.add_argument("--own", action="store_true", help="for the models of SOURCE alone")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if the file would change")
    arguments = parser.parse_args()
    with serving(arguments.source) as url:
        document = fetch(url)
    types = types_of(document if arguments.own else general(document))
    target: Path = arguments.target
    if not arguments.check:
        target.write_text(types, encoding="utf-8")
    elif not target.exists() or target.read_text(encoding="utf-8") != types:
        sys.exit(f"{target} is not what the server says of itself: run make types")


@contextmanager
def serving(source: str) -> Iterator[str]:
    """The URL of the server that `source` names; one that was started for it is stopped afterwards."""
    if source.startswith(("http://", "https://")):
        yield source.rstrip("/")
        return
    command = [sys.executable, "-m", "tabi", "serve", source, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            urls = [word for word in said.split() if word.startswith("http://")]
            if not urls:
                sys.exit(f"tabi serve {source} did not start: give what it serves, or the URL of a server")
            yield urls[0]
        finally:
            process.terminate()


def fetch(url: str) -> dict[str, Any]:
    """The OpenAPI document of a server."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=WAIT_S) as answer:  # noqa: S310  main takes http only
        document: dict[str, Any] = json.load(answer)
    return document


def general(document: dict[str, Any]) -> dict[str, Any]:
    """The same document for any model: its routes stand below /models/{model}, and a row has any columns."""
    found = [path.removeprefix("/models/") for path in document["paths"] if re.fullmatch("/models/[^/]+", path)]
    if len(found) > 1:
        sys.exit("this server has several models: give one that has a single model")
    columns = set(document["components"]["schemas"]["Row"].get("properties", {}))
    schemas = {
        name: without_columns(schema, columns)
        for name, schema in document["components"]["schemas"].items()
        if not any(name.endswith(f"_{model}") for model in found)
    }
    # by the task of any model
    schemas |= {"Reply": schemas["AnyReply"], "RowsReply": schemas["AnyBatchReply"]}
    paths = dict(document["paths"])
    for model in found:
        paths = dict(for_any_model(path, item, model) for path, item in paths.items())
    return {**document, "paths": paths, "components": {**document["components"], "schemas": schemas}}


def without_columns(schema: Any, columns: set[str]) -> Any:
    """A schema that names no columns of its own; where it named them, it takes any."""
    if isinstance(schema, list):
        return [without_columns(item, columns) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if not columns or set(schema.get("properties", {})) != columns:
        return {key: without_columns(value, columns) for key, value in schema.items()}
    kept = {key: value for key, value in schema.items() if key not in ("properties", "required")}
    return {**kept, "additionalProperties": schema.get("additionalProperties") or {"type": SCALAR}}


def for_any_model(path: str, item: dict[str, Any], model: str) -> tuple[str, dict[str, Any]]:
    """A route below the name of a model -> the same route with the name as a parameter. Others stay as they are."""
    begin = re.match(rf"(/v2)?/models/{re.escape(model)}(?=/|$)", path)
    if begin is None:
        return path, item
    parameter = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    named: dict[str, Any] = renamed(item, f"_{model}")
    for operation in named.values():
        for each in operation.get("parameters", ()):
            # of this server's version
            each.pop("example", None)
    return f"{begin[1] or ''}/models/{{model}}{path[begin.end() :]}", {**named, "parameters": [parameter]}


def renamed(value: Any, suffix: str) -> Any:
    """A description without the name of the model in its references and operations."""
    if isinstance(value, list):
        return [renamed(item, suffix) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: renamed(item, suffix) for key, item in value.items()}
    if isinstance(value.get("$ref"), str):
        changed["$ref"] = value["$ref"].removesuffix(suffix)
    if isinstance(value.get("operationId"), str):
        changed["operationId"] = value["operationId"].removesuffix(suffix) + "_named"
    return changed


def install() -> None:
    """Install what package-lock.json pins, unless that was done since it was changed."""
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to make the types: install Node 20 or later")
    subprocess.run([npm, "ci", "--silent"], cwd=FOLDER, check=True)


def types_of(document: dict[str, Any]) -> str:
    """The TypeScript of a document, by the generator that package-lock.json pins."""
    install()
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "openapi.json"), Path(scratch, "tabi.d.ts")
        source.write_text(json.dumps(document), encoding="utf-8")
        generator = (
            FOLDER / "node_modules" / ".bin" / ("openapi-typescript.cmd" if os.name == "nt" else "openapi-typescript")
        )
        subprocess.run([generator, source, "--output", target, *OPTIONS], check=True, stdout=subprocess.DEVNULL)
        return HEAD + target.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
