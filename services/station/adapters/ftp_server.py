"""Files over FTP, for charge points that speak nothing else: the name and the password are the two halves of a link's
secret, and are good for its one file in its one direction, whatever path they name.

In clear text, and a transfer that breaks off looks like one that ended: HTTP is for everybody who can. What a charge
point needs is all there is; folders, lists and changes of files are refused.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import aioftp
from aioftp.common import Connection, ThrottleStreamIO
from aioftp.server import AbstractUserManager

from services.kernel.errors import DomainError, invalid
from services.station.adapters.file_folder import FileFolder
from services.station.application.files import Files
from services.station.domain.stored_file import Direction, FileLink

_MOST_AT_ONCE = 50
_IDLE_SECONDS = 60.0
# For the data connection, after the command that needs it.
_CONNECT_SECONDS = 10.0
_BLOCK_BYTES = 1 << 16
_SPOKEN = frozenset(
    {"user", "pass", "quit", "type", "syst", "pwd", "cwd", "cdup", "pasv", "epsv", "stor", "retr", "rest", "abor"}
)

_log = logging.getLogger(__name__)
# It would write down each command, and with them half of each secret.
logging.getLogger("aioftp").setLevel(logging.WARNING)


def _is_failure(record: logging.LogRecord) -> bool:
    """Not that somebody hung up without QUIT, or said nothing for too long: charge points do."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConnectionError | TimeoutError)


logging.getLogger("aioftp.server").addFilter(_is_failure)


class _Visitor(aioftp.User):
    """Who has logged in, or is about to."""

    def __init__(self, name: str) -> None:
        super().__init__(name, base_path=Path("/nonexistent"))
        self.secret = ""
        self.link: FileLink | None = None


_Transfer = Callable[[_Visitor, ThrottleStreamIO, int], Awaitable[None]]


class _Visitors(AbstractUserManager):
    """Anybody may say a name; the password decides."""

    def __init__(self, files: Files) -> None:
        super().__init__()
        self._files = files

    async def get_user(self, login: str) -> tuple[AbstractUserManager.GetUserResponse, aioftp.User | None, str]:
        return self.GetUserResponse.PASSWORD_REQUIRED, _Visitor(login), "password required"

    async def authenticate(self, user: aioftp.User, password: str) -> bool:
        assert isinstance(user, _Visitor)
        secret = f"{user.login}{password}"
        refusals = []
        for direction in Direction:
            try:
                user.link, _ = await self._files.opened(secret, direction)
            except DomainError as error:
                refusals.append(error.message)
            else:
                user.secret = secret
                return True
        _log.info("a login by FTP was refused: %s", refusals)
        return False


class FtpServer(aioftp.Server):
    """The server; `data_ports` are those that it offers for data, any when there are none."""

    def __init__(
        self, files: Files, folder: FileFolder, *, public_address: str | None = None, data_ports: Iterable[int] = ()
    ) -> None:
        ports = list(data_ports)
        super().__init__(
            _Visitors(files),
            socket_timeout=_IDLE_SECONDS,
            idle_timeout=_IDLE_SECONDS,
            wait_future_timeout=_CONNECT_SECONDS,
            maximum_connections=_MOST_AT_ONCE,
            ipv4_pasv_forced_response_address=public_address,
            data_ports=ports or None,
            welcome_message="files by one-time links",
        )
        self._files = files
        self._folder = folder
        self.commands_mapping = {name: each for name, each in self.commands_mapping.items() if name in _SPOKEN}

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve for the length of the block; yields the port."""
        await self.start(host, port)
        try:
            yield self.server_port
        finally:
            await self.close()

    async def cwd(self, connection: Connection, rest: str | PurePosixPath) -> bool:
        """Every folder is there, and the same."""
        return _answered(connection, "250", "")

    async def cdup(self, connection: Connection, rest: str | PurePosixPath) -> bool:
        """The same from inside."""
        return _answered(connection, "250", "")

    async def stor(self, connection: Connection, rest: str | PurePosixPath, mode: str = "wb") -> bool:
        """Take the file in, under whatever name."""
        return self._begin(connection, Direction.UPLOAD, self._take)

    async def retr(self, connection: Connection, rest: str | PurePosixPath) -> bool:
        """Give the file out, under whatever name."""
        return self._begin(connection, Direction.DOWNLOAD, self._give)

    def _begin(self, connection: Connection, direction: Direction, transfer: _Transfer) -> bool:
        """Begin a transfer beside the commands, as soon as the data connection is there."""
        if not connection.future.logged.done() or not connection.future.passive_server.done():
            return _answered(connection, "503", "PASV or EPSV comes first")
        visitor = connection.user
        assert isinstance(visitor, _Visitor)
        if visitor.link is None or visitor.link.direction is not direction:
            return _answered(connection, "550", "this login is not for that")
        offset, connection.restart_offset = connection.restart_offset, 0
        if offset and direction is Direction.UPLOAD:
            return _answered(connection, "551", "an upload begins at its beginning")
        connection.extra_workers.add(asyncio.create_task(_when_connected(connection, transfer, offset)))
        return _answered(connection, "150", "data transfer started")

    async def _take(self, visitor: _Visitor, stream: ThrottleStreamIO, _offset: int) -> None:
        link, file = await self._files.opened(visitor.secret, Direction.UPLOAD)
        receiving = self._folder.receive(file.id, link.most_bytes)
        try:
            async for data in stream.iter_by_block(_BLOCK_BYTES):
                await receiving.write(data)
            received = await receiving.finish()
            await self._files.store(file.id, received, receiving.keep)
            _log.info("file %s came over FTP: %d bytes", file.id, received.size_bytes)
        finally:
            await asyncio.to_thread(receiving.discard)

    async def _give(self, visitor: _Visitor, stream: ThrottleStreamIO, offset: int) -> None:
        _, file = await self._files.opened(visitor.secret, Direction.DOWNLOAD)
        if offset > (file.size_bytes or 0):
            raise invalid("REST", f"is behind the end of the file, which has {file.size_bytes} bytes")
        _log.info("file %s is fetched over FTP, from byte %d", file.id, offset)
        opened = await asyncio.to_thread(self._folder.place_of(file.id).open, "rb")
        try:
            opened.seek(offset)
            while data := await asyncio.to_thread(opened.read, _BLOCK_BYTES):
                await stream.write(data)
        finally:
            opened.close()


async def _when_connected(connection: Connection, transfer: _Transfer, offset: int) -> bool:
    code, info = "226", "data transfer done"
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            stream = await asyncio.shield(connection["data_connection"])
        del connection.data_connection
        async with stream:
            await transfer(connection.user, stream, offset)
    except DomainError as error:
        code, info = "552" if error.reason == "TOO_LARGE" else "550", error.message
    except (OSError, TimeoutError) as error:
        _log.info("a transfer by FTP broke off: %r", error)
        code, info = "426", "the transfer broke off"
    except asyncio.CancelledError:
        # By ABOR, which is answered twice (RFC 959, 4.1.3), or as the whole conversation ends.
        connection.response("426", "the transfer was given up")
        code, info = "226", "it is given up"
    return _answered(connection, code, info)


def _answered(connection: Connection, code: str, info: str) -> bool:
    """Answer, when somebody has logged in; whether the conversation goes on, as aioftp wants to know."""
    if connection.future.logged.done():
        connection.response(code, info)
    else:
        connection.response("530", "log in first")
    return True
