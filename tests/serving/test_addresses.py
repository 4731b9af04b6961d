"""Taking addresses: names, IPv6, free ports; whatever cannot be had is one line that says which option to change."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.serving.addresses import LOOPBACK, listening
from tabi.serving.settings import Settings

has_ipv6 = socket.has_ipv6
if has_ipv6:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        has_ipv6 = False


def asked(host: str = LOOPBACK, port: int = 0, admin_port: int | None = 0) -> Settings:
    return Settings(refs=("x",), store=Path("unused"), host=host, port=port, admin_port=admin_port)


def test_free_ports_are_taken_and_given_back() -> None:
    with listening(asked()) as addresses:
        public, admin = addresses.sockets
        port = public.getsockname()[1]
        assert addresses.url == f"http://127.0.0.1:{port}"
        assert addresses.admin_url == f"http://127.0.0.1:{admin.getsockname()[1]}"
        assert addresses.admin_port == admin.getsockname()[1] != port
        with socket.create_connection((LOOPBACK, port)):
            pass
    # at once, though a connection was there a moment ago
    with listening(asked(port=port)):
        pass


def test_without_an_admin_port_there_is_one_socket() -> None:
    with listening(asked(admin_port=None)) as addresses:
        assert len(addresses.sockets) == 1
        assert (addresses.admin_port, addresses.admin_url) == (None, None)


def test_a_name_is_looked_up() -> None:
    with listening(asked("localhost")) as addresses, socket.create_connection(addresses.sockets[0].getsockname()[:2]):
        assert addresses.url.startswith("http://localhost:")


@pytest.mark.skipif(not has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_stands_in_brackets() -> None:
    with listening(asked("::1")) as addresses:
        port = addresses.sockets[0].getsockname()[1]
        assert addresses.url == f"http://[::1]:{port}"
        with socket.create_connection(("::1", port)):
            pass


def test_a_port_that_is_taken_names_its_option() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} .*choose another --port"),
            listening(asked(port=port)),
        ):
            pass
        with pytest.raises(ConfigError, match="choose another --admin-port"), listening(asked(admin_port=port)):
            pass


def test_the_public_port_is_given_back_if_the_other_cannot_be_had() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken, socket.create_server((LOOPBACK, 0)) as other:
        admin, port = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        with pytest.raises(ConfigError), listening(asked(port=port, admin_port=admin)):
            pass
        with listening(asked(port=port)):
            pass


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300, "256.1.1.1.1", "192.0.2.1", "fe80::zz"])
def test_a_host_that_is_not_ours_is_a_configuration_error(host: str) -> None:
    with pytest.raises(ConfigError) as refused, listening(asked(host)):
        pass
    assert "\n" not in str(refused.value)
