"""The TypeScript types are what a server says of itself, they refuse a wrong use, and a program that uses them runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.conftest import ROW, Harbour, Server, harbour, server, serving  # noqa: F401

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).resolve().parents[2]
TYPES = REPOSITORY / "clients" / "typescript"
SCRIPT = REPOSITORY / "scripts" / "typescript_types.py"
LIMIT_S = 300

# each must be refused by the compiler
WRONG = {
    "field": 'await post("", "/predict", { rows: [{}] });',
    "value": 'await post("", "/predict", { features: { age: [39] } });',
    "date": 'await post("", "/predict", { features: { age: new Date() } });',
    "body": 'await post("", "/predict_batch", { features: {} });',
    "route": 'await post("", "/predictt", { features: {} });',
    "method": 'await post("", "/health", {});',
    "task": '(await post("", "/predict", { features: {} })).probability;',
    "reply": '(await post("", "/predict", { features: {} })).probabilty;',
    "kind": 'const label: number = (await post("", "/predict", { features: {} })).label;',
    "columns": 'await post("", "/predict_batch", { columns: { age: 39 } });',
    "batch": '(await post("", "/predict_batch", { rows: [] })).label;',
    "optional": "const problem: Problem = JSON.parse(''); problem.errors.length;",
}
RIGHT = {
    "row": 'await post("", "/predict", { features: { age: null, sex: "x", fare: 1.5, city: true } });',
    "columns_of_rows": 'await post("", "/predict_batch", { columns: { age: [39, null] } });',
    "rows": '(await post("", "/predict_batch", { rows: [{}] })).predictions.map((p) => "value" in p ? p.value : 1);',
    "binary": 'const r = await post("", "/predict", { features: {} }); if ("threshold" in r) r.probability + 1;',
    "multiclass": 'const r = await post("", "/predict", { features: {} }); if ("probabilities" in r) r.probabilities.a',
}


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def make_types(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, SCRIPT, *arguments)


def url(of: Server) -> str:
    return f"http://{of.host}:{of.port}"


@pytest.fixture(scope="module", autouse=True)
def node() -> str:
    """Node and npm; where CI lacks them, a test fails instead of being skipped."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("Node and npm are needed: install Node 20 or later")
        pytest.skip("there is no Node or no npm on this machine")
    return found


@pytest.fixture
def program(tmp_path: Path, server: Server) -> Path:  # noqa: F811  the fixture of that name
    """A copy of the types, of the example and of its settings, with the compiler."""
    checked = make_types("--check", url(server))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in ("tabi.d.ts", "example.ts", "tsconfig.json", "package.json"):
        shutil.copy(TYPES / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(TYPES / "node_modules")
    return tmp_path


def compile_all(folder: Path, *options: str) -> set[str]:
    """Compile all programs of a folder; the names of those that are refused."""
    settings = json.loads((folder / "tsconfig.json").read_text())
    settings["files"] = sorted(path.name for path in folder.glob("*.ts"))
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    done = run(folder / "node_modules" / ".bin" / "tsc", "--pretty", "false", *options, cwd=folder)
    refused = {
        found[1] for line in done.stdout.splitlines() if (found := re.match(r"(\S+?)\.ts\(\d+,\d+\): error", line))
    }
    assert bool(refused) == (done.returncode != 0), done.stdout + done.stderr
    return refused


def test_a_wrong_use_is_refused_and_a_right_one_is_not(program: Path) -> None:
    for name, code in {**WRONG, **RIGHT}.items():
        begin = 'import type { Problem } from "./tabi.js";\nimport { post } from "./example.js";\n'
        (program / f"{name}.ts").write_text(f"{begin}{code}\nexport type Used = Problem;\n")
    assert compile_all(program, "--noEmit", "--strict") == set(WRONG)


def test_the_example_gets_the_servers_answers(program: Path, server: Server, node: str) -> None:  # noqa: F811
    assert compile_all(program) == set()
    done = run(node, program / "example.js", url(server), json.dumps(ROW))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    expected = server.ask("POST", "/predict", json.dumps({"features": ROW}).encode())[2]
    for answer in (said["one"], said["named"]):
        assert {**answer, "request_id": ""} == {**expected, "request_id": ""}
    assert len(said["many"]["predictions"]) == 2
    assert said["equal"] is True


def test_the_example_tells_a_problem_by_its_places(program: Path, server: Server, node: str) -> None:  # noqa: F811
    assert compile_all(program) == set()
    done = run(node, program / "example.js", url(server), '{"age": [39]}')
    assert done.returncode != 0
    assert re.search(r"Error: 422 .*\[features\.age\]", done.stderr)
    assert "[39]" not in done.stderr


def test_own_types_hold_the_columns_of_a_model(program: Path, harbour: Harbour) -> None:  # noqa: F811
    with serving(harbour.store.root, "strict") as strict:
        made = make_types("--own", url(strict), program / "tabi.d.ts")
        assert made.returncode == 0, made.stdout + made.stderr
    rows = {
        "whole": "{ age: 39, sex: null }",
        "lacking": '{ sex: "male" }',
        "misspelt": "{ age: 39, sexx: null }",
        "empty": "{ age: null }",
    }
    for name, row in rows.items():
        code = f'import type {{ Row }} from "./tabi.js";\nexport const row: Row = {row};\n'
        (program / f"{name}.ts").write_text(code)
    # the example sends a row without columns, which is not one of this model
    assert compile_all(program, "--noEmit") == {"example", "lacking", "misspelt", "empty"}


def test_a_change_of_the_file_is_found(tmp_path: Path, server: Server) -> None:  # noqa: F811
    old = tmp_path / "tabi.d.ts"
    old.write_text((TYPES / "tabi.d.ts").read_text().replace("probability: number", "probability?: number"))
    checked = make_types("--check", url(server), old)
    assert checked.returncode == 1
    assert "run make types" in checked.stderr


def test_the_lock_names_versions_and_hashes_and_no_registry() -> None:
    text = (TYPES / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert all(found.keys() >= {"version", "integrity"} for name, found in packages.items() if name)
    assert "resolved" not in text
    assert "registry" not in text
    wanted = json.loads((TYPES / "package.json").read_text())["devDependencies"]
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
