"""A TCP proxy that can misbehave: it stands still, cuts connections, and cuts them half-way through what they carry.

Knows no protocol. One `Proxy` stands in front of one port.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import cast

from stack.ports import LOOPBACK

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Accepts on `port` and passes everything on to `target`, both on this machine. Made inside the running loop."""

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.target = target
        self.port = 0
        self.accepted = 0
        self.cut_count = 0
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def flows(self) -> asyncio.Event:
        """Set while the proxy passes anything on."""
        return self._flowing

    async def open(self, port: int = 0) -> None:
        """Begin to accept, on any free port unless one is named."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Pair(self).near, LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stall(self) -> None:
        """Pass nothing on in either direction until `resume`; connections stay open and new ones are accepted."""
        self._flowing.clear()
        self._apply()

    def resume(self) -> None:
        """Pass on again, from where it stopped."""
        self._flowing.set()
        self._apply()

    def cut(self) -> int:
        """Reset every connection at both ends; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def tear(self) -> int:
        """Reset every connection half-way through the next piece of data it carries; how many there are."""
        for pair in self._pairs:
            pair.torn = True
        return len(self._pairs)

    async def close(self) -> None:
        """Stop accepting and cut what is open."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def joined(self, pair: "_Pair") -> None:
        """A connection was accepted."""
        self.accepted += 1
        self._pairs.add(pair)

    def left(self, pair: "_Pair") -> None:
        """A connection is over."""
        self._pairs.discard(pair)

    def _apply(self) -> None:
        for pair in self._pairs:
            pair.near.steer()
            pair.far.steer()


async def open_in_steps(proxies: Sequence[Proxy], step: int, firsts: Iterable[int]) -> None:
    """Open proxies on ports that lie `step` apart, the first on the first of `firsts` from which all are free.

    Found out by binding them: what is only looked at may be somebody else's a moment later. Raises OSError when a port
    cannot be had for another reason, or none of `firsts` serves.
    """
    for first in firsts:
        try:
            for number, proxy in enumerate(proxies):
                await proxy.open(first + number * step)
        except OSError as error:
            for proxy in proxies:
                await proxy.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise OSError(errno.EADDRINUSE, "none of the ports is free")


class _Pair:
    """The two ends of one connection through a proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.torn = False
        self.near = _End(self)
        self.far = _End(self)

    def other(self, end: "_End") -> "_End":
        return self.far if end is self.near else self.near

    async def connect(self) -> None:
        """Call the target; a caller of nobody is refused the hard way."""
        await self.proxy.flows.wait()
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.far, LOOPBACK, self.proxy.target)
        except OSError:
            self.reset()
        else:
            self.near.steer()

    def reset(self) -> None:
        self.proxy.cut_count += 1
        self.near.reset()
        self.far.reset()
        self.proxy.left(self)


class _End(asyncio.Protocol):
    """One end: what it hears goes to the other one, as fast as that takes it."""

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self._transport: asyncio.Transport | None = None
        self._full = False
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self is self._pair.near:
            self._pair.proxy.joined(self._pair)
            self._transport.pause_reading()
            self._connecting = asyncio.ensure_future(self._pair.connect())
        else:
            self.steer()

    def data_received(self, data: bytes) -> None:
        other = self._pair.other(self)
        if self._pair.torn:
            other.write(data[: len(data) // 2])
            self._pair.reset()
            return
        other.write(data)

    def pause_writing(self) -> None:
        self._full = True
        self._pair.other(self).steer()

    def resume_writing(self) -> None:
        self._full = False
        self._pair.other(self).steer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pair.other(self).close(hard=exc is not None)
        self._pair.proxy.left(self._pair)
        if self._connecting is not None:
            self._connecting.cancel()

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def steer(self) -> None:
        """Read on, or stop reading: as the proxy flows, and the other end exists and has room."""
        if self._transport is None or self._transport.is_closing():
            return
        other = self._pair.other(self)
        if self._pair.proxy.flows.is_set() and other.is_open and not other.is_full:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    @property
    def is_full(self) -> bool:
        return self._full

    def close(self, *, hard: bool) -> None:
        """End after what is still to be written, or at once."""
        if hard:
            self.reset()
        elif self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """End at once, so that the peer gets a reset instead of an end of stream."""
        if self._transport is None or self._transport.is_closing():
            return
        plug = cast("socket.socket", self._transport.get_extra_info("socket"))
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self._transport.abort()
