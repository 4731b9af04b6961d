"""A proxy on this machine that spoils what comes back: it cuts long answers, or lets them through slowly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PIECE = 1 << 14


@dataclass
class Wire:
    """Where it listens, and what it does. `cut_after`: bytes of one connection. `pause`: before each piece."""

    address: str = ""
    cut_after: int | None = None
    pause: float = 0.0


@contextmanager
def wire_to(target: str) -> Iterator[Wire]:
    """A proxy to a server of this machine; what it does may be changed while it runs."""
    wire, loop = Wire(), asyncio.new_event_loop()
    host, port = urlsplit(target).hostname, urlsplit(target).port

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(host, port)
        with suppress(OSError):
            await asyncio.gather(_pass(reader, back_writer), _pass(back_reader, writer, wire))

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    wire.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def end() -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield wire
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire | None = None) -> None:
    passed = 0
    try:
        while piece := await reader.read(PIECE):
            if wire is not None:
                await asyncio.sleep(wire.pause)
                passed += len(piece)
                if wire.cut_after is not None and passed > wire.cut_after:
                    break
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
