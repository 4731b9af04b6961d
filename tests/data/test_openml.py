"""OpenML by scikit-learn's own code, against a server of our own that fails on demand, and the real files."""

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import sklearn.datasets._openml as sklearn_openml

from tabi.data.snapshot import write_snapshot
from tabi.data.sources import openml
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows

ARFF = b"""@relation toy
@attribute age numeric
@attribute job {cook,'head clerk'}
@attribute class {no,yes}
@data
31.1,cook,no
?,'head clerk',yes
0.30000000000000004,?,no
"""
FEATURES = [("age", "numeric"), ("job", "nominal"), ("class", "nominal")]


class OpenML(ThreadingHTTPServer):
    """Knows one data set, toy@3. `faults` are used up first: a status to answer, or what to do instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[int | str] = []
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A connection that a test cuts is no news."""

    def answers(self) -> dict[str, bytes]:
        flags = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
        description = {
            "id": "9",
            "name": "toy",
            "version": "3",
            "format": "ARFF",
            "status": "active",
            "description": "toy",
            "url": f"{self.url}/data/toy.arff",
            "md5_checksum": hashlib.md5(ARFF, usedforsecurity=False).hexdigest(),
        }
        features = [
            {"index": str(i), "name": name, "data_type": kind, "is_target": str(name == "class").lower(), **flags}
            for i, (name, kind) in enumerate(FEATURES)
        ]
        documents = {
            "/list/toy/data_version/3": {"data": {"dataset": [{"did": 9}]}},
            "/info/9": {"data_set_description": description},
            "/features/9": {"data_features": {"feature": features}},
            "/qualities/9": {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "3.0"}]}},
        }
        return {**{path: json.dumps(d).encode() for path, d in documents.items()}, "/data/toy.arff": ARFF}


class Handler(BaseHTTPRequestHandler):
    server: OpenML

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        fault = self.server.faults.pop(0) if self.server.faults else 0
        if fault in {"drop", "silence"}:
            time.sleep(1 if fault == "silence" else 0)
            self.close_connection = True
        elif fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            self.close_connection = True
        else:
            answer = self.server.answers().get(self.path)
            # OpenML's own way to say that there is no such data set
            self.answer(int(fault) or (200 if answer else 412), answer or b"{}")

    def answer(self, status: int, body: bytes) -> None:
        packed = gzip.compress(body)
        self.send_response(status)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenML]:
    with OpenML() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(sklearn_openml, "_SEARCH_NAME", f"{server.url}/list/{{}}")
        monkeypatch.setattr(sklearn_openml, "_DATA_INFO", f"{server.url}/info/{{}}")
        monkeypatch.setattr(sklearn_openml, "_DATA_FEATURES", f"{server.url}/features/{{}}")
        monkeypatch.setattr(sklearn_openml, "_DATA_QUALITIES", f"{server.url}/qualities/{{}}")
        yield server
        server.shutdown()
        thread.join()


def refusal(rest: str, workspace: Workspace, waits: list[float]) -> str:
    with pytest.raises(SourceError) as caught:
        openml.fetch(rest, workspace, waits.append)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_data_set_comes_in_one_frame_with_its_target_last(server: OpenML, workspace: Workspace) -> None:
    frame = fetch_rows("openml:toy@3", workspace)
    assert list(frame.columns) == ["age", "job", "class"]
    assert frame["age"].isna().tolist() == [False, True, False]
    assert frame["age"][2] == 0.1 + 0.2
    assert frame["job"].astype(object).fillna("-").tolist() == ["cook", "head clerk", "-"]


def test_what_was_fetched_once_is_not_asked_for_again(server: OpenML, workspace: Workspace) -> None:
    first = fetch_rows("openml:toy@3", workspace)
    asked = len(server.asked)
    pd.testing.assert_frame_equal(fetch_rows("openml:toy@3", workspace), first)
    assert len(server.asked) == asked
    assert (workspace.data_cache / "openml").is_dir()


# scikit-learn itself asks a second time, at once, when a connection breaks
ASKED: dict[int | str, int] = {"drop": 2, 500: 1, 503: 1, 429: 1}


@pytest.mark.parametrize("fault", list(ASKED))
def test_a_network_error_is_tried_again_with_growing_waits(
    fault: int | str, server: OpenML, workspace: Workspace
) -> None:
    server.faults = [fault] * 3 * ASKED[fault]
    waits: list[float] = []
    assert len(openml.fetch("toy@3", workspace, waits.append)) == 3
    assert len(waits) == 3
    for wait, middle in zip(waits, (1, 2, 4), strict=True):
        assert 0.5 * middle <= wait <= 1.5 * middle


def test_the_waits_are_jittered(server: OpenML, workspace: Workspace) -> None:
    waits: list[float] = []
    for _ in range(2):
        server.faults = ["drop"] * 9
        refusal("toy@3", workspace, waits)
    assert len(set(waits)) == 6


@pytest.mark.parametrize(("fault", "told"), [("drop", "RemoteDisconnected"), (503, "HTTP 503")])
def test_after_the_last_try_the_error_says_so(
    fault: int | str, told: str, server: OpenML, workspace: Workspace
) -> None:
    server.faults = [fault] * 99
    waits: list[float] = []
    message = refusal("toy@3", workspace, waits)
    assert "could not be reached for 'toy@3' in 4 tries" in message
    assert told in message
    assert len(waits) == 3
    assert len(server.asked) == 4 * ASKED[fault]


def test_a_server_that_says_nothing_is_given_up(
    server: OpenML, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openml, "SILENCE", 0.1)
    server.faults = ["silence", "silence"]
    waits: list[float] = []
    openml.fetch("toy@3", workspace, waits.append)
    assert len(waits) == 1


def test_an_answer_that_is_cut_short_leaves_nothing_wrong_in_the_cache(server: OpenML, workspace: Workspace) -> None:
    server.faults = ["cut"]
    waits: list[float] = []
    openml.fetch("toy@3", workspace, waits.append)
    assert len(fetch_rows("openml:toy@3", workspace)) == 3


def test_nobody_listening_is_a_network_error(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    # a port of which nobody can listen
    monkeypatch.setattr(sklearn_openml, "_SEARCH_NAME", "http://127.0.0.1:1/{}")
    waits: list[float] = []
    assert "could not be reached" in refusal("toy@3", workspace, waits)
    assert len(waits) == 3


@pytest.mark.parametrize("rest", ["tyo@3", "toy@4", "two words@1", "名前@1"])
def test_a_wrong_name_or_version_fails_at_once(rest: str, server: OpenML, workspace: Workspace) -> None:
    waits: list[float] = []
    assert f"OpenML has no data set {rest!r}" in refusal(rest, workspace, waits)
    assert waits == []


@pytest.mark.parametrize("status", [404, 403])
def test_a_definite_answer_fails_at_once(status: int, server: OpenML, workspace: Workspace) -> None:
    server.faults = [status]
    waits: list[float] = []
    assert "OpenML has no data set 'toy@3'" in refusal("toy@3", workspace, waits)
    assert waits == []


@pytest.mark.parametrize("rest", ["adult", "adult@", "adult@active", "@2", "adult@-1"])
def test_a_version_is_needed(rest: str, workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="needs a version, such as openml:adult@2"):
        fetch_rows(f"openml:{rest}", workspace)


def test_rows_that_are_not_what_was_promised_are_refused(
    server: OpenML, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_answers = server.answers()
    monkeypatch.setattr(server, "answers", lambda: {**true_answers, "/data/toy.arff": ARFF + b"1,cook,no\n"})
    assert "cannot be read as a table" in refusal("toy@3", workspace, [])


def test_a_cache_that_cannot_be_written_is_told(server: OpenML, workspace: Workspace) -> None:
    workspace.data_cache.write_text("a file where a folder should be")
    assert f"the data cache {workspace.data_cache} cannot be used" in refusal("toy@3", workspace, [])


@pytest.mark.parametrize(
    ("source", "shape", "digest"),
    [
        ("openml:adult@2", (48842, 15), "1b5a3202ef71a7e102142981a48cf7cbf7e0edf2621b28e5d40cc60fdd994c9b"),
        ("openml:credit-g@1", (1000, 21), "92801dabec12211248791df2248adfdd3815e307103f1c1b92cce05dfc5479dd"),
    ],
)
def test_the_real_data_sets_have_one_digest_in_every_fetch(
    source: str, shape: tuple[int, int], digest: str, openml_cache: Path, workspace: Workspace
) -> None:
    there = replace(workspace, data_cache=openml_cache)
    for _ in range(2):
        snapshot = write_snapshot(workspace, "p", source, fetch_rows(source, there))
        assert (snapshot.rows, snapshot.columns) == shape
        assert snapshot.digest == digest
