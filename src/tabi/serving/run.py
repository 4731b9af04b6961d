"""Start the server, and stop it clean."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from tabi.errors import ConfigError
from tabi.serving.hot import App, two_doors
from tabi.serving.pages import create_pages
from tabi.serving.slot import Slot
from tabi.store import Store


def create_app(slot: Slot) -> App:
    """The whole server as one ASGI app: the hot door before the other."""
    return two_doors(slot, create_pages(slot))


def check(store: Store, ref: str, host: str, port: int) -> Slot:
    """Prove that `ref` can be served at the address: load and warm it, and take the port for a moment."""
    slot = Slot(store, ref)
    slot.load()
    _listen(host, port).close()
    return slot


def serve(store: Store, ref: str, host: str, port: int, ready: Callable[[Slot, str], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight and return.

    `port` 0 takes a free one. `ready` is called with the slot and the server's URL once requests are answered.
    """
    slot = Slot(store, ref)
    slot.load()
    with _listen(host, port) as listener:
        config = uvicorn.Config(
            create_app(slot),
            lifespan="off",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
        )
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        _Server(config, lambda: ready(slot, url)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error


class _Server(uvicorn.Server):
    """Uvicorn raises the signal anew once it has stopped, so that a clean stop would look like a crash."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # only now are signals handled: whoever is told earlier might stop us the hard way
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
