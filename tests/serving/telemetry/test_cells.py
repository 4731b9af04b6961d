"""What was counted is never lost, whoever is killed, and the sums over workers never fall."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import StoreError
from tabi.serving.telemetry import cells as cells_module
from tabi.serving.telemetry.cells import SUPERVISOR, Cells, read_all, read_workers

KEY = ("tabi_rejected_total", (("reason", "queue"),))
KILLS = 6


def rejected(cells: Cells, size: int = 1) -> memoryview:
    return cells.array(KEY[0], dict(KEY[1]), size)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system with room for one worker's first cells and not for more."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs the rights of root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_name_and_labels_have_the_same_cells_whenever_they_are_registered(tmp_path: Path) -> None:
    cells = Cells(tmp_path, 0)
    cells.array("a", {"x": "1", "y": "2"}, 3)[2] = 7
    again = cells.array("a", {"y": "2", "x": "1"}, 3)
    assert again.tolist() == [0, 0, 7]
    assert again.format == "q"
    cells.array("a", {"x": "1", "y": "3"}, 3)[0] = 1
    assert again.tolist() == [0, 0, 7]
    cells.close()


def test_sums_are_over_all_workers_and_the_dead_ones(tmp_path: Path) -> None:
    for worker, count in ((0, 5), (1, 7), (SUPERVISOR, 1)):
        cells = Cells(tmp_path, worker)
        rejected(cells)[0] += count
        if worker:
            cells.array("only here", {}, 2)[1] = worker
        cells.close()
    sums = read_all(tmp_path)
    assert {key: counts.tolist() for key, counts in sums.items()} == {KEY: [13], ("only here", ()): [0, 0]}
    assert [worker.worker for worker in read_workers(tmp_path)] == ["supervisor", "worker-0", "worker-1"]


def test_an_empty_or_absent_folder_has_no_sums(tmp_path: Path) -> None:
    assert read_all(tmp_path) == read_all(tmp_path / "none") == {}


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(1, 40_000), st.integers(-(2**63), 2**63 - 1)), max_size=8))
def test_arrays_of_any_size_never_overlap(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    expected: dict[str, list[int]] = {}
    for part in (wanted[::2], wanted[1::2]):
        # the second part is registered by a process that took over
        cells = Cells(folder, 0)
        for label, new_size, value in part:
            size = len(expected.get(label, [0] * new_size))
            array = cells.array("a", {"label": label}, size)
            for place in {0, size - 1}:
                array[place] = value
            expected[label] = array.tolist()
        cells.close()
    found = {dict(key[1])["label"]: counts.tolist() for key, counts in read_all(folder).items()}
    assert found == expected


def test_who_takes_over_goes_on_counting_but_for_gauges(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        cells = Cells(tmp_path, 4)
        rejected(cells)[0] += 1
        in_flight = cells.array("tabi_requests_in_flight", {}, 1)
        assert in_flight[0] == 0, "requests of the process before wait no more"
        in_flight[0] += 9
        cells.close()
        assert read_all(tmp_path)[KEY].tolist() == [expected]


COUNTER = """
import os, sys
from pathlib import Path
from tabi.serving.telemetry.cells import Cells
cells = Cells(Path(sys.argv[1]), int(sys.argv[2]))
count = 0
while True:
    cells.array("tabi_rejected_total", {"reason": "queue"}, 1)[0] += 1
    # new cells are registered all the time, so that a kill may fall in the middle of that
    cells.array("registered", {"n": str(cells.array("registered many", {}, 1)[0])}, 3)[2] += 1
    cells.array("registered many", {}, 1)[0] += 1
    count += 1
    os.write(1, f"{count}\\n".encode())
"""


def killed(folder: Path, worker: int, after: float) -> int:
    """How often a process says that it counted before it was killed."""
    command = [sys.executable, "-c", COUNTER, str(folder), str(worker)]
    # what is killed can leave only a broken record of its coverage
    environment = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(after)
        process.kill()
        said += process.stdout.read()
    return int(said[: said.rindex(b"\n")].rpartition(b"\n")[2])


@pytest.mark.system
def test_a_kill_loses_nothing_and_sums_never_fall(tmp_path: Path) -> None:
    seen: list[int] = []
    ended = False

    def scrape() -> None:
        while not ended:
            counts = read_all(tmp_path).get(KEY)
            seen.append(0 if counts is None else int(counts[0]))

    scraper = Thread(target=scrape)
    scraper.start()
    try:
        acknowledged = [killed(tmp_path, turn % 2, random.uniform(0, 0.05)) for turn in range(KILLS)]
    finally:
        ended = True
        scraper.join()
    sums = read_all(tmp_path)
    # a process may be killed after it counted and before it said so
    assert sum(acknowledged) <= sums[KEY][0] <= sum(acknowledged) + KILLS
    registered = sum(int(counts[2]) for (name, _), counts in sums.items() if name == "registered")
    assert sum(acknowledged) <= registered <= sums[KEY][0]
    assert seen == sorted(seen)
    assert seen[-1] > 0


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_piece_of_a_line_in_an_index_is_passed_over(tmp_path: Path, cut: int) -> None:
    cells = Cells(tmp_path, 0)
    rejected(cells)[0] = 3
    cells.close()
    index = tmp_path / "worker-0.jsonl"
    whole = index.read_bytes()
    cells = Cells(tmp_path, 0)
    cells.array("b", {}, 1)[0] = 8
    cells.close()
    line = index.read_bytes()[len(whole) :]
    index.write_bytes(whole + line[:-1][:cut])
    assert {key[0] for key in read_all(tmp_path)} == {KEY[0]}
    cells = Cells(tmp_path, 0)
    cells.array("c", {}, 1)[0] = 1
    cells.close()
    assert {key[0]: counts.tolist()[0] for key, counts in read_all(tmp_path).items()}.items() >= {
        KEY[0]: 3,
        "c": 1,
    }.items()


def test_two_processes_of_one_number_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_module, "_OWNER_SECONDS", 0.05)
    cells = Cells(tmp_path, 0)
    with pytest.raises(StoreError, match="another process counts as worker 0"):
        Cells(tmp_path, 0)
    Cells(tmp_path, 1).close()
    cells.close()
    Cells(tmp_path, 0).close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_refused_owner_leaves_no_descriptor_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_module, "_OWNER_SECONDS", 0.0)
    cells = Cells(tmp_path, 0)
    before = descriptors()
    with pytest.raises(StoreError):
        Cells(tmp_path, 0)
    assert descriptors() == before
    cells.close()


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"^metrics cannot be kept in .*: make it writable$"):
        Cells(tmp_path / "file", 0)


def test_a_full_disk_kills_nobody_and_is_told(small_disk: Path) -> None:
    cells = Cells(small_disk, 0)
    rejected(cells)[0] += 1
    assert not str(cells.problem or "")
    private = cells.array("large", {}, 50_000)
    for i in range(50_000):
        private[i] += 1
    assert "cannot be shared" in str(cells.problem)
    assert cells.array("large", {}, 50_000)[49_999] == 1
    rejected(cells)[0] += 1
    cells.close()
    assert {key: counts.tolist() for key, counts in read_all(small_disk).items()} == {KEY: [2]}


def test_a_name_of_another_size_is_refused(tmp_path: Path) -> None:
    cells, other = Cells(tmp_path, 0), Cells(tmp_path, 1)
    rejected(cells)
    with pytest.raises(StoreError, match="has 1 cells and not 2"):
        rejected(cells, 2)
    rejected(other, 2)
    with pytest.raises(StoreError, match="disagree"):
        read_all(tmp_path)
    cells.close()
    other.close()


def test_threads_may_register_at_once(tmp_path: Path) -> None:
    cells = Cells(tmp_path, 0)

    def register(first: int) -> None:
        for i in range(first, 400, 4):
            cells.array("a", {"i": str(i)}, 3)[1] = i

    threads = [Thread(target=register, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cells.close()
    found = {key[1][0][1]: counts.tolist() for key, counts in read_all(tmp_path).items()}
    assert found == {str(i): [0, i, 0] for i in range(400)}
