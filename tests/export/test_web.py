"""The page as text. What it does in a browser is tested in tests/system/test_web_export.py."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tabi.bundle import Bundle
from tabi.contract import Task
from tabi.errors import ConfigError
from tabi.export import export_page
from tabi.export.runtime import Runtime
from tabi.export.web import page
from tests.export.conftest import CLASSES, contract_of

# stands where the real runtime does, which is 14 MB and comes from npm
RUNTIME = Runtime(b"var a=1,b=2;export{a as InferenceSession,b as Tensor};\n//# sourceMappingURL=x.map\n", b"\0asm")


class Reader(HTMLParser):
    """The page's elements as a browser finds them: (name, attributes, text)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  the parser's own name
        # what follows belongs to no element that is looked at
        self.elements.append(("", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = (tag, attributes, text + data)

    def named(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def block(self, name: str) -> str:
        (text,) = [text for attributes, text in self.named("script") if attributes.get("id") == name]
        return text


@pytest.fixture(params=CLASSES)
def task(request: pytest.FixtureRequest) -> Task:
    found: Task = request.param
    return found


@pytest.fixture
def read(task: Task, bundles: dict[Task, Bundle]) -> Reader:
    return Reader(page(bundles[task], RUNTIME))


def policy_of(read: Reader) -> dict[str, list[str]]:
    (content,) = [a["content"] for a, _ in read.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert content is not None
    return {words[0]: words[1:] for words in (part.split() for part in content.split(";"))}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_lets_run_what_is_in_the_page_and_nothing_else(read: Reader) -> None:
    policy = policy_of(read)
    run = [text for attributes, text in read.named("script") if attributes["type"] == "module"]
    assert len(run) == 2
    assert policy["script-src"] == [*map(digest, run), "'wasm-unsafe-eval'"]
    assert policy["style-src"] == [digest(text) for _, text in read.named("style")]
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert policy["img-src"] == ["data:"]


def test_no_name_of_the_contract_is_markup(read: Reader, task: Task) -> None:
    assert not read.named("img")
    assert not read.named("i")
    assert not read.named("b")
    assert {a.get("type") for a, _ in read.named("script")} == {
        "application/json",
        "application/octet-stream",
        "module",
    }
    model = json.loads(read.block("model"))
    contract = contract_of(task)
    assert [column["name"] for column in model["columns"]] == [column.name for column in contract.columns]
    assert model["target"] == {"name": "<i>target</i>", "task": task, "classes": list(CLASSES[task])}


def test_the_page_holds_the_graph_and_the_runtime(read: Reader, task: Task, bundles: dict[Task, Bundle]) -> None:
    packed = {name: gzip.decompress(base64.b64decode(read.block(name))) for name in ("graph", "runtime")}
    assert packed == {"graph": bundles[task].graph_bytes(), "runtime": RUNTIME.wasm}


def test_it_asks_for_nothing(read: Reader) -> None:
    links = [value for _, a, _ in read.elements for name, value in a.items() if name in ("src", "href", "action")]
    assert links == ["data:,"]


def test_it_tells_nothing_of_the_training_rows(read: Reader) -> None:
    model = json.loads(read.block("model"))
    assert all("reference" not in column for column in model["columns"])
    assert model["numeric"] + model["strings"] == [*_numeric(model), "a|b", "many", "__proto__"]
    assert (model["threshold"] == 0.4) == (model["target"]["task"] == "binary")


def _numeric(model: dict[str, list[dict[str, str]]]) -> list[str]:
    return [column["name"] for column in model["columns"] if column["kind"] == "numeric"]


def test_the_runtimes_exports_become_a_global(read: Reader) -> None:
    assert "var a=1,b=2;globalThis.ort={InferenceSession:a,Tensor:b};" in [t for _, t in read.named("script")]


def test_the_same_bundle_gives_the_same_page(bundles: dict[Task, Bundle], tmp_path: Path) -> None:
    paths = [export_page(bundles["binary"].folder, tmp_path / name, RUNTIME) for name in ("one", "two")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["NOTICE.txt", "index.html"]
    assert "MIT License" in (tmp_path / "one" / "NOTICE.txt").read_text()


@pytest.mark.parametrize("code", [b"var a=1;", b'var a="</script>";export{a as b};', b"var a=1;\r\nexport{a as b};"])
def test_a_runtime_that_cannot_stand_in_a_page_is_refused(code: bytes, bundles: dict[Task, Bundle]) -> None:
    with pytest.raises(ConfigError, match="as it was published"):
        page(bundles["binary"], Runtime(code, b""))


def test_both_languages_say_the_same_things() -> None:
    words = (Path(__file__).parents[2] / "src/tabi/export/page/words.js").read_text("utf-8")
    english, japanese = words.partition("  ja: {")[::2]
    names = re.compile(r"^ +(\w+): [\"{]", re.MULTILINE)
    places = re.compile(r"\{(\w+)\}")
    assert names.findall(english.partition("  en: {")[2]) == names.findall(japanese.partition("};")[0])
    for name in names.findall(japanese.partition("};")[0]):
        lines = [re.findall(rf"^ +{name}: (.*)$", part, re.MULTILINE) for part in (english, japanese)]
        found = [sorted(places.findall(line)) for part in lines for line in part]
        assert found[0] == found[-1]
