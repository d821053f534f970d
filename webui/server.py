"""The listening socket, and a uvicorn server whose shutdown ends streams with an error event.

Connections that send no whole request head are closed. uvicorn bounds only the silence between two
requests, so a client could keep any number of connections open by sending nothing, or a header now
and then.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from webui.errors import SettingsError
from webui.restart import Restart

# How long a shutdown waits for running answers.
GRACE_S = 2.0
# Time for a whole request head, however many parts it arrives in. A body has a limit of its own.
HEAD_TIMEOUT_S = 20.0


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
        head_timeout_s: float = HEAD_TIMEOUT_S,
    ) -> None:
        config.http = timed_protocol(head_timeout_s)
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


class TimedHead(asyncio.Protocol):
    """A mixin for uvicorn's protocols that closes a connection whose request head takes too long.

    Uses what they have in common: `loop`, `transport`, and `cycle`, the newest request whose head
    is complete. The time starts with the connection, and with the first byte after a response.
    """

    head_timeout_s: float
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_waiting():
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        """Return whether no request is running on the connection."""
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._close_stalled)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_stalled(self) -> None:
        # A WebSocket's protocol has replaced this one, unless the head is still missing.
        if self._is_waiting() and self.transport.get_protocol() is self:
            self.transport.close()


def timed_protocol(head_timeout_s: float) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol class, httptools where that is installed, with this timeout."""
    bases = (TimedHead, AutoHTTPProtocol)
    return type("TimedHTTPProtocol", bases, {"head_timeout_s": head_timeout_s})


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
