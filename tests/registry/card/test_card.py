"""The card of a real release, read by Hugging Face's own library, and its page."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tabi.bundle import Bundle
from tabi.project import load_config
from tabi.registry.card.document import PAGE, front_matter
from tabi.registry.card.markdown import cell, code, table
from tabi.registry.card.page import page_of
from tabi.registry.release import release
from tabi.training.job import train
from tabi.workspace import Workspace
from tests.registry.conftest import CONFIG, Trained, write_project

# slow: real releases, and a library that reads their cards
pytestmark = pytest.mark.system

TOLD = """
fairness: {sensitive: [plan], least_rows: 10, least_positives: 5, demographic_parity: {warn: 0.001}}
gates: {severity: {latency: off, security: off}}
card:
  summary: 店の客が買うかどうかを当てる。
  intended_use: "広告を送る順番を決める。 <script>alert(1)</script> ![far](https://example.org/a.png)"
  out_of_scope: 与信には使わない。
  limits: 三百行だけから学んだ。
  owner: 旅 | チーム
  contact: team@example.org
  licence: apache-2.0
  languages: [ja]
  tags: [shop]
"""


@pytest.fixture(scope="module")
def told(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of a project whose owner said what there is to say."""
    root = trained.workspace.root
    write_project(root, "told", CONFIG + TOLD)
    store = tmp_path_factory.mktemp("told") / "store"
    workspace = replace(trained.workspace, store=store, state_url=f"sqlite:///{store}/tabi.db")
    run = train(workspace, load_config(workspace, "told"))
    return Bundle.open(release(workspace, "told", run.run_id).folder)


@pytest.fixture(scope="module")
def card(told: Bundle) -> str:
    return told.document("MODEL_CARD.md").decode()


def data_of(card: str) -> ModelCardData:
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def results_of(data: ModelCardData) -> list[EvalResult]:
    assert isinstance(data.eval_results, list)
    return data.eval_results


def test_hugging_face_reads_its_head_and_finds_every_metric(told: Bundle, card: str) -> None:
    data = data_of(card)
    assert (data.license, data.language, data.pipeline_tag) == ("apache-2.0", ["ja"], "tabular-classification")
    assert data.model_name == "told"
    assert "shop" in (data.tags or [])
    metrics = json.loads(told.document("metrics.json"))
    results = {result.metric_name: result for result in results_of(data)}
    assert {"auc", "brier", "f1_at_threshold"} < set(results)
    for name, result in results.items():
        assert result.metric_value == pytest.approx(metrics[name], abs=1e-9)
        assert result.metric_args is not None
        assert result.metric_args["low"] <= result.metric_value <= result.metric_args["high"]
        assert result.dataset_revision == told.manifest.snapshot
        assert result.dataset_split == "test"
    assert results["auc"].metric_type == "roc_auc"


def test_it_says_what_the_owner_said_and_what_was_measured(trained: Trained, told: Bundle, card: str) -> None:
    for text in (
        "店の客が買うかどうかを当てる。",
        "広告を送る順番を決める。",
        "与信には使わない。",
        "三百行だけから学んだ。",
    ):
        assert text in card
    assert r"旅 \| チーム" in card
    for digest in (told.manifest.run, told.manifest.snapshot, told.manifest.environment):
        assert digest in card
    titles = re.findall(r"^## (.*)$", card, flags=re.MULTILINE)
    assert titles == [
        "Intended use",
        "Limits",
        "Metrics",
        "Slices",
        "Fairness",
        "Calibration",
        "Importance",
        "Gates",
        "Data",
        "Proof",
        "Lineage",
        "Signature",
        "How to call it",
    ]
    for verdict in json.loads(told.document("gates.json")):
        assert f"| {cell(verdict['gate'])} | **{verdict['verdict']}** |" in card
    assert "demographic parity" in card
    assert "released without a key" in card


def test_the_request_that_it_shows_is_answered(told: Bundle, card: str) -> None:
    from tabi.serving.model import Model

    body = re.search(r"-d '(\{.*\})'$", card, flags=re.MULTILINE)
    assert body is not None
    answer = Model.open(told.folder).answer(body[1].encode(), "r")
    assert 0 < answer.probability < 1  # type: ignore[union-attr]


def test_the_same_candidate_has_the_same_card(trained: Trained, told: Bundle, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(told.folder.parents[3] / "data", store / "data")
    workspace = replace(trained.workspace, store=store, state_url=f"sqlite:///{tmp_path}/tabi.db")
    again = Bundle.open(release(workspace, "told", told.manifest.run).folder)
    assert again.id == told.id


class Seen(HTMLParser):
    """What a page would load, and which tags it has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "poster"}]


def test_its_page_needs_no_network_and_no_script(told: Bundle) -> None:
    page = told.document(PAGE).decode()
    seen = Seen()
    seen.feed(page)
    assert seen.tags.count("img") >= 5
    assert all(source.startswith("data:image/png;base64,") for source in seen.sources)
    assert not {"script", "link", "iframe", "object"} & set(seen.tags)
    assert "url(" not in page
    assert "&lt;script&gt;" in page
    assert "店の客が買うかどうかを当てる。" in page
    assert '<html lang="ja">' in page


def test_a_project_that_says_nothing_has_a_card_that_says_so(trained: Trained, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(trained.workspace.store / "data", store / "data")
    workspace: Workspace = replace(trained.workspace, store=store, state_url=f"sqlite:///{tmp_path}/tabi.db")
    card = Bundle.open(release(workspace, trained.name, trained.runs[0]).folder).document("MODEL_CARD.md").decode()
    assert card.count("Not stated by the owner.") == 2
    assert "license" not in front_matter(card)
    assert results_of(data_of(card))


def test_a_picture_that_is_not_the_bundles_own_is_not_embedded(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.png").write_bytes(b"png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    for source in ("reports/../secret.png", "/etc/passwd", "secret.png", "https://example.org/a.png"):
        assert "<img" not in page_of(f"# x\n\n![a]({source})\n", tmp_path)
    assert page_of("# x\n\n![a](reports/a.png)\n", tmp_path).count("<img") == 1


# of half a character, or of NUL, Markdown makes another sign
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(TEXTS, TEXTS)
def test_no_text_of_data_or_people_leaves_its_cell(one: str, other: str) -> None:
    made = table(("a", "b"), [(cell(one), code(other))])
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(made)
    assert [token.type for token in tokens].count("tr_open") == 2
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert len(cells) == 2
    kinds = {child.type for each in cells for child in each.children or []}
    assert kinds <= {"text", "text_special", "code_inline"}
    said = "".join(child.content for child in cells[0].children or [])
    assert said.split() == one.split()
