"""What a search says of clusters that are not there; tests/system has those that are."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tabi.errors import ConfigError, TrainingError
from tabi.project import SearchConfig
from tabi.training import clusters
from tabi.training.backends import workers_of
from tabi.training.clusters import Address


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_address_is_a_host_and_a_port_or_a_cluster_of_this_search_alone() -> None:
    assert Address.parse("dask://cluster.example:8786") == Address("dask", "cluster.example", 8786, 0)
    assert Address.parse("ray://10.0.0.1:10001") == Address("ray", "10.0.0.1", 10001, 0)
    assert Address.parse("ray://local?workers=3") == Address("ray", "local", 0, 3)


NO_ADDRESSES = """
dask  dask://  dask://host  dask://host:0  dask://host:x  dask://local  dask://local?workers=0
dask://local?workers=two  spark://host:1  http://host:80  dask://host:1/path
"""


@pytest.mark.parametrize("backend", ["", *NO_ADDRESSES.split()])
def test_what_is_no_address_is_refused_with_the_forms_that_are(backend: str) -> None:
    with (
        pytest.raises(ConfigError, match=r"search\.backend=.*give local, dask://HOST:PORT"),
        workers_of(SearchConfig(backend=backend)),
    ):
        pass


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_an_address_where_nobody_listens_is_told_in_one_line(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message = f"search.backend={kind}://127.0.0.1:{port} does not answer: start the cluster, or mend the address"
    with pytest.raises(TrainingError) as caught, workers_of(SearchConfig(backend=f"{kind}://127.0.0.1:{port}")):
        pass
    assert str(caught.value) == message


def test_an_address_that_takes_a_connection_and_says_nothing_is_given_up(
    mute: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clusters, "CONNECT_S", 0.3)
    with pytest.raises(TrainingError, match=r"does not answer"), workers_of(SearchConfig(backend=f"dask://{mute}")):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("kind", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_without_its_library_the_error_says_what_to_install(kind: str, module: str) -> None:
    script = f"""
import sys
sys.modules[{module!r}] = None
from tabi.errors import ConfigError
from tabi.training.clusters import Address, cluster_at
try:
    cluster_at(Address.parse("{kind}://local?workers=2")).__enter__()
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    said = f"search.backend={kind}://… needs tabi[{kind}]: install it, or use search.backend=local\n"
    assert done.stdout == said
