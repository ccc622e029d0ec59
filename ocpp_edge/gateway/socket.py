"""One WebSocket as a Transport: messages go straight to the connection behind it.

Knows nothing of what they say.
"""

from collections.abc import Callable
from types import GeneratorType
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State
from websockets.streams import StreamReader

from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.gateway.frames import text_frame, text_in
from ocpp_edge.rpc.connection import Connection

_MAX_FRAGMENTS = 1024
# Where the library's parser rests when all it was given is read.
_BETWEEN_FRAMES = StreamReader.at_eof.__code__


class ChargerSocket(ServerConnection):
    """A WebSocket that hands messages straight to its connection, without a queue or a task in between.

    Whole text frames go past the library's parser and composer as well, which are most of what a message costs here.
    """

    connection_request: ConnectionRequest | None = None
    connection: Connection[Any] | None = None
    on_lost: Callable[[Connection[Any]], None] | None = None
    _fragments: list[bytes] | None = None
    # Whether the next byte begins a frame that the library need not see.
    _at_frame_start = False

    # Transport

    def write(self, frame: bytes) -> None:
        protocol = self.protocol
        if protocol.state is not State.OPEN:
            return
        if protocol.extensions:
            protocol.send_text(frame)
            self.send_data()
        else:
            self.transport.write(text_frame(frame))

    def pause_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def probe(self) -> None:
        if self.protocol.state is State.OPEN:
            self.protocol.send_ping(b"")
            self.send_data()

    def hang_up(self, code: int, reason: str) -> None:
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()
            self.loop.call_later(self.close_timeout or 0.0, self.abort)

    def abort(self) -> None:
        self.transport.abort()

    # Callbacks of the event loop and of websockets

    def data_received(self, data: bytes) -> None:
        if self._at_frame_start and self.connection is not None and self.protocol.state is State.OPEN:
            text = text_in(data)
            if text is not None:
                self.connection.frame_received(text)
                return
        super().data_received(data)
        self._at_frame_start = self._fragments is None and _rests_between_frames(self.protocol.parser)

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame):
            super().process_event(event)
        elif self.connection is None:
            self.abort()  # a client must await the answer to its upgrade (RFC 6455 section 4.1)
        elif event.opcode is Opcode.TEXT or event.opcode is Opcode.BINARY:
            if event.fin:
                self.connection.frame_received(bytes(event.data))
            else:
                self._fragments = [bytes(event.data)]
        elif event.opcode is Opcode.CONT and self._fragments is not None:
            self._continue_message(self.connection, event)
        else:
            self.connection.heard()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.connection is not None:
            self.connection.congested(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.connection is not None:
            self.connection.congested(False)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        connection, on_lost = self.connection, self.on_lost
        # The two point at each other: let them go without the garbage collector.
        self.connection = self.on_lost = None
        if connection is not None:
            connection.lost()
            if on_lost is not None:
                on_lost(connection)

    def _continue_message(self, connection: Connection[Any], frame: Frame) -> None:
        fragments = self._fragments or []
        fragments.append(bytes(frame.data))
        if frame.fin:
            self._fragments = None
            connection.frame_received(b"".join(fragments))
        elif len(fragments) > _MAX_FRAGMENTS:
            self.abort()


def _rests_between_frames(parser: object) -> bool:
    """Whether the library's parser, generators within generators, has nothing of a frame yet."""
    while isinstance(parser, GeneratorType):
        if parser.gi_code is _BETWEEN_FRAMES:
            return True
        parser = parser.gi_yieldfrom
    return False
