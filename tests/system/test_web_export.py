"""An exported page answers in Chromium as the server does, from a disk and with the network cut."""

from __future__ import annotations

import json
import math
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.contract import RowReader, Task, category_of, number_of
from tabi.errors import ConfigError
from tabi.export import export_page, find_runtime
from tabi.export.runtime import CODE, WASM, Runtime, cache_folder
from tabi.serving.messages import Row
from tabi.serving.model import Model
from tabi.store import Store
from tests.export import conftest as exports
from tests.export.conftest import CLASSES, HOSTILE, bundle_of, compiled, contract_of
from tests.serving.conftest import Server, serving
from tests.system.conftest import give_up
from tests.system.web_rows import hostile_rows, hostile_values

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).with_name("web_script.py")
# a few of them have no answer
ROWS = 1100
# a processor adds to a product without rounding it first; WebAssembly cannot, so products of matrices differ a little
MOST_ULPS = 8

Drive = Callable[..., Any]
bundles = exports.bundles


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    """onnxruntime-web, from npm or from the copy of an export before."""
    try:
        return find_runtime()
    except ConfigError as error:
        give_up(str(error))


@pytest.fixture(scope="module")
def drive(playwright: Path, chromium: str) -> Iterator[Drive]:
    """`drive(verb, url, given)`: what the script finds on a page that says nothing on the console."""
    command = [str(playwright), str(SCRIPT), chromium]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(verb: str, url: str, given: Any = None, *, quiet: bool = True) -> Any:
            print(json.dumps({"verb": verb, "url": url, "given": given}), file=process.stdin, flush=True)
            answer = json.loads(process.stdout.readline())  # type: ignore[union-attr]  # asserted above
            assert answer["error"] is None, answer["error"]
            if quiet:
                # what a policy forbids, or a script that fails, is said on the console
                assert answer["said"] == []
                assert [asked for asked in answer["asked"] if not asked.startswith("data:")] == [url]
            return answer["found"]

        yield run


@pytest.fixture(scope="module", params=CLASSES)
def task(request: pytest.FixtureRequest) -> Task:
    """All tests of one page follow each other."""
    found: Task = request.param
    return found


@pytest.fixture(scope="module")
def pages(bundles: dict[Task, Bundle], tmp_path_factory: pytest.TempPathFactory, runtime: Runtime) -> dict[Task, str]:
    """The pages of the graphs by hand."""
    root = tmp_path_factory.mktemp("pages")
    return {task: page_of(bundle.folder, root / task, runtime) for task, bundle in bundles.items()}


@pytest.fixture(scope="module")
def voyage_page(tmp_path_factory: pytest.TempPathFactory, runtime: Runtime) -> str:
    root = tmp_path_factory.mktemp("voyage")
    return page_of(compiled(root / "bundle", "native")[0], root / "page", runtime)


def page_of(bundle: Path, folder: Path, runtime: Runtime) -> str:
    return export_page(bundle, folder, runtime).as_uri()


# --- the same answers as the server --------------------------------------------------------------------------------


def told(server: Server, rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], set[tuple[str, str]]]]:
    """The server's answer to each row, and the faults that it names."""
    status, _, reply = server.ask("POST", "/predict_batch", json.dumps({"rows": rows}).encode())
    assert status == 200
    faults: list[set[tuple[str, str]]] = [set() for _ in rows]
    for place in reply["warnings"]:
        row, _, column = place["path"].removeprefix("rows[").partition("].")
        faults[int(row)].add((column, place["rule"]))
    return list(zip(reply["predictions"], faults, strict=True))


def bits(number: float) -> int:
    found: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return found


@pytest.mark.parametrize(("name", "ulps"), [("native", 0), ("vote", MOST_ULPS)])
def test_a_thousand_rows_have_the_servers_answers(
    name: str, ulps: int, tmp_path: Path, drive: Drive, runtime: Runtime
) -> None:
    bundle, thresholds = compiled(tmp_path / "bundle", name)
    rows = hostile_rows(thresholds, ROWS)
    found = drive("predict", page_of(bundle, tmp_path / "page", runtime), rows)
    store = Store(tmp_path / "store")
    store.set_latest(name, store.put_bundle(bundle), None)
    with serving(store.root, name) as server:
        # in parts, as a reply tells of so many faults and no more
        expected = [answer for begin in range(0, ROWS, 100) for answer in told(server, rows[begin : begin + 100])]
    distances = []
    for row, page, (answer, faults) in zip(rows, found, expected, strict=True):
        shown = {(fault["column"], fault["rule"]) for fault in page["faults"]}
        if any(rule == "not_supported" for _, rule in shown):
            # the one thing that the page refuses and the server does not
            assert page["answer"] is None
            assert any("\0" in str(value) for value in row.values())
            continue
        assert shown == faults
        assert page["answer"]["label"] == answer["label"]
        distances.append(abs(bits(page["answer"]["probability"]) - bits(answer["probability"])))
    print(f"{name}: {len(distances)} answered, {sum(map(bool, distances))} differ, at most by {max(distances)} ulps")
    assert max(distances) <= ulps
    assert len(distances) >= 1000


def test_every_task_has_the_answers_of_the_graph(
    task: Task, bundles: dict[Task, Bundle], pages: dict[Task, str], drive: Drive
) -> None:
    bundle = bundles[task]
    contract = bundle.contract()
    draw = random.Random(5)
    texts: list[Any] = [None, "", "長い文", "木", "<!--", "tab\tand\nline", "c7", 3]
    rows = [
        {
            c.name: draw.choice([None, 0, 1.5, -4.25, "2"]) if c in contract.numeric else draw.choice(texts)
            for c in contract.columns
        }
        for _ in range(200)
    ]
    found = drive("predict", pages[task], rows)
    tensors, faults = RowReader(contract).read(rows)
    expected = Session(bundle.graph_bytes()).predict(tensors)
    assert [(i, f["column"], f["rule"]) for i, page in enumerate(found) for f in page["faults"]] == [
        tuple(f) for f in faults
    ]
    for page, numbers in zip(found, expected.tolist(), strict=True):
        answer = page["answer"]
        given = list(answer["probabilities"].values()) if task == "multiclass" else [next(reversed(answer.values()))]
        # sums of numbers of both signs, in which the last bits of the products weigh more
        np.testing.assert_allclose(given, np.atleast_1d(numbers), rtol=1e-12, atol=1e-14)
        if task == "multiclass":
            assert list(answer["probabilities"]) == list(contract.target.classes)
            assert answer["label"] == contract.target.classes[int(np.argmax(numbers))]


def test_a_value_means_the_same_as_in_python(pages: dict[Task, str], drive: Drive) -> None:
    values = hostile_values()
    found = drive("laws", pages["regression"], values)
    for value, ((number, rule), text) in zip(values, found, strict=True):
        expected, broken = number_of(value)
        # JSON has whole numbers of any size
        assert (number if number is None else float(number)) == (None if math.isnan(expected) else expected), ascii(
            value
        )
        assert rule == broken, ascii(value)
        assert text == category_of(value), ascii(value)


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_form_answers_as_the_function_in_both_languages(voyage_page: str, drive: Drive) -> None:
    row = {"age": "４1", "fare": "", "sex": "male", "city": ""}
    asked = {"fill": {"age": "４1"}, "select": {"sex": "male", "city": "(missing)"}, "enter": "age"}
    found = drive("form", voyage_page, asked)
    (alone,) = drive("predict", voyage_page, [row])
    assert [float(text) for text in found["exact"]] == [alone["answer"]["probability"]]
    assert alone["answer"]["label"] in found["en"]["answer"]
    assert [found[language]["lang"] for language in ("en", "ja")] == ["en", "ja"]
    assert "threshold 40.0%" in found["en"]["answer"]
    assert "しきい値 40.0%" in found["ja"]["answer"]
    assert "arrived の予測" in found["ja"]["text"]
    assert found["invalid"] == []
    # whoever works by keyboard stays where they were
    assert found["focus"] == "age"


def test_what_breaks_the_contract_is_told_at_its_field(voyage_page: str, drive: Drive) -> None:
    asked = {"fill": {"age": "130", "fare": "much"}, "select": {"city": "(another value)"}}
    found = drive("form", voyage_page, asked)
    assert found["invalid"] == ["age", "fare"]
    assert "This is above the known range." in found["en"]["text"]
    assert "数値ではないため、欠損として扱います。" in found["ja"]["text"]
    assert len(found["exact"]) == 1
    assert found["focus"] == "predict"


def test_a_strict_contract_gives_no_answer(tmp_path: Path, drive: Drive, runtime: Runtime) -> None:
    bundle = bundle_of(tmp_path / "bundle", "binary", strict=True)
    url = page_of(bundle.folder, tmp_path / "page", runtime)
    refused = drive("form", url, {"fill": {HOSTILE: "6"}})
    assert "No answer" in refused["en"]["answer"]
    assert refused["invalid"] == [HOSTILE]
    assert refused["exact"] == []
    answered = drive("form", url, {"example": True})
    assert len(answered["exact"]) == 1


def test_hostile_names_stay_text(task: Task, bundles: dict[Task, Bundle], pages: dict[Task, str], drive: Drive) -> None:
    contract = contract_of(task)
    url = pages[task]
    found = drive("names", url)
    assert found["labels"] == [column.name for column in contract.columns]
    assert found["heading"] == "Prediction of <i>target</i>"
    assert found["kinds"] == ["TEXTAREA", "INPUT", "SELECT", "INPUT", "INPUT list"]
    assert found["unlabelled"] == found["foreign"] == 0
    assert found["hacked"] == "undefined"
    assert found["cleared"] == ""
    answered = drive("form", url, {"example": True})
    labels = [label for label in contract.target.classes if label in answered["en"]["answer"]]
    assert len(answered["exact"]) == 1
    assert bool(labels) == (task != "regression")


def test_nothing_gets_out_and_no_other_script_runs(voyage_page: str, drive: Drive) -> None:
    found = drive("policy", voyage_page, quiet=False)
    assert found["ran"] == ["undefined", "undefined"]
    assert (found["fetch"], found["image"]) == ("refused", "refused")
    # 360 pixels wide, as a small phone
    assert found["size"] == [360, 360]


@pytest.fixture
def static_server(voyage_page: str) -> Iterator[str]:
    """Any web server: here Python's own."""
    folder = Path(voyage_page.removeprefix("file://")).parent
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().partition("(")[2].partition(")")[0] + "index.html"
        finally:
            process.terminate()


def test_one_request_is_all_that_a_web_server_gets(static_server: str, voyage_page: str, drive: Drive) -> None:
    rows = [{"age": 30}, {}]
    assert drive("predict", static_server, rows) == drive("predict", voyage_page, rows)


def test_the_runtime_is_found_without_npm(runtime: Runtime, tmp_path: Path) -> None:
    dist = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    environ = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    for folder in (dist, cache_folder(environ)):
        folder.mkdir(parents=True)
        (folder / CODE).write_bytes(runtime.code)
        (folder / WASM).write_bytes(runtime.wasm)
    assert find_runtime(tmp_path, {"PATH": ""}) == find_runtime(environ=environ) == runtime


def test_a_row_whose_numbers_overflow_has_no_answer_on_either_side(
    tmp_path: Path, drive: Drive, runtime: Runtime
) -> None:
    bundle, _ = compiled(tmp_path / "bundle", "linear")
    rows: list[Row] = [{"age": age, "fare": fare} for age in (30, 1e308, None) for fare in (7.25, -1e308, 1e300)]
    found = drive("predict", page_of(bundle, tmp_path / "page", runtime), rows)
    predictions, faults = Model.open(bundle).predict(rows)
    assert [page["answer"] is None for page in found] == [not math.isfinite(p.probability) for p in predictions]
    told = [(row, fault["column"], fault["rule"]) for row, page in enumerate(found) for fault in page["faults"]]
    assert sorted(told) == sorted(tuple(fault) for fault in faults)
    assert 0 < len(told) < len(rows)
