"""The listening socket, and a uvicorn server whose shutdown ends streams with an error event."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn

from webui.errors import SettingsError
from webui.restart import Restart

# How long a shutdown waits for running answers.
GRACE_S = 2.0


class Server(uvicorn.Server):
    """A uvicorn server that exits on a signal, or when a restart is requested.

    `wait_until_idle` returns once no answer is running; `close` ends the running ones, each with an
    error of its own.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        wait_until_idle: Callable[[], Awaitable[None]],
        close: Callable[[], None],
        restart: Restart,
    ) -> None:
        super().__init__(config)
        self._wait_until_idle, self._close, self._restart = wait_until_idle, close, restart

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._restart.requested

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, wait GRACE_S for running answers, then end them.

        uvicorn still sends the error events that `close` causes.
        """
        for server in self.servers:
            server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wait_until_idle(), GRACE_S)
        await asyncio.to_thread(self._close)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises SettingsError if the address or port is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (socket.gaierror, UnicodeError):
        accepted = "an address of this machine"
        raise SettingsError(name="--host", value=host, accepted=accepted) from None
    except OSError as error:
        accepted = f"a port of {host} that is free and may be used ({error.strerror})"
        raise SettingsError(name="--port", value=port, accepted=accepted) from None
    # Connections inherit the option. asyncio sets it only on sockets created with protocol TCP,
    # which create_server's are not. Without it, every answer over a kept connection waits 40 ms for
    # the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
