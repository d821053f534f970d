"""Server: the listening socket, and uvicorn with a shutdown that ends each stream with an error event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn

from webui.errors import SettingsError
from webui.restart import Restart

# How long a shutdown waits for answers in flight.
GRACE_S = 2.0


class Server(uvicorn.Server):
    """`idle` returns once no answer is under way; `close` ends those that are, each with an error of its own.

    It exits on a signal, or when a restart is wanted.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        idle: Callable[[], Awaitable[None]],
        close: Callable[[], None],
        restart: Restart,
    ) -> None:
        super().__init__(config)
        self._idle, self._close, self._restart = idle, close, restart

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._restart.wanted

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, wait GRACE_S for answers, then end them; uvicorn sends what they still say."""
        for server in self.servers:
            server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle(), GRACE_S)
        await asyncio.to_thread(self._close)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; SettingsError if that address or port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (socket.gaierror, UnicodeError):
        raise SettingsError(
            name="--host", value=host, accepted="an address of this machine"
        ) from None
    except OSError as error:
        accepted = f"a port of {host} that is free and may be used ({error.strerror})"
        raise SettingsError(name="--port", value=port, accepted=accepted) from None
    # Inherited by each connection. asyncio sets it only on sockets whose protocol says TCP, which create_server's does
    # not: without it, every answer over a kept connection waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
