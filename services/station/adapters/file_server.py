"""Files over HTTP: whoever has a link puts the bytes of a file there, or gets them, whole or in ranges.

    PUT or POST /file-links/<secret>/<any name>    201, size and checksum; the body itself, or the first file of a form
    GET or HEAD /file-links/<secret>/<any name>    200, or 206 for `Range`; `ETag`, `Content-Length`, `Repr-Digest`

Errors are JSON as those of the REST facade. Whoever is slow or silent takes one of a bounded number of places, and only
for a time.
"""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import ClientError

from services.kernel.errors import RETRY_AFTER_KEY, DomainError, ErrorKind, invalid, too_many, unavailable
from services.rpc.status import DOMAIN, http_status_of, to_status
from services.station.adapters.file_folder import FileFolder, Receiving
from services.station.application.files import Files
from services.station.domain.stored_file import Direction, StoredFile, too_large

PATH = "/file-links"
# Of a replica: each may hold a file open and a megabyte.
_MOST_AT_ONCE = 200
_READ_BYTES = 1 << 18
_RETRY = timedelta(seconds=5)
# Without a byte for so long an upload is over.
_SILENCE_SECONDS = 60.0
# What the contract says of gRPC alone.
_HTTP_STATUS = {"TOO_LARGE": 413, "QUEUE_FULL": 503}
_BY_KIND = {
    ErrorKind.INVALID_ARGUMENT: 400,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.ALREADY_EXISTS: 409,
    ErrorKind.FAILED_PRECONDITION: 400,
    ErrorKind.RESOURCE_EXHAUSTED: 429,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.DEADLINE_EXCEEDED: 408,
}
# `Repr-Digest` and `Content-Digest` of RFC 9530: sha-256=:base64:
_SHA_256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")

_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

_ONE_RANGE = re.compile(r"bytes\s*=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-\d{1,18})", re.ASCII | re.IGNORECASE)

_Read = TypeVar("_Read")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class _Bytes(web.FileResponse):
    """A file, or the one range of it that is asked for. aiohttp refuses several ranges, and units that it does not
    know, with 416, and answers HEAD by the range; RFC 9110 (14.2) has all of these answered as if there was none."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if "Range" not in request.headers or _is_one_range(request):
            return await super().prepare(request)
        headers = request.headers.copy()
        headers.popall("Range")
        return await super().prepare(request.clone(headers=headers))


class FileServer:
    """The routes, on the use cases of files and the folder of their bytes."""

    def __init__(self, files: Files, folder: FileFolder) -> None:
        self._files = files
        self._folder = folder
        self._free = _MOST_AT_ONCE

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve for the length of the block; yields the port. What is under way at its end is broken off."""
        application = web.Application(middlewares=[_told])
        place = f"{PATH}/{{secret:[^/]+}}{{name:(?:/.*)?}}"
        application.router.add_get(place, self._download, allow_head=True)
        for method in ("PUT", "POST"):
            application.router.add_route(method, place, self._upload)
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=75.0, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, reuse_address=True)
            await site.start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        _, file = await self._files.opened(request.match_info["secret"], Direction.DOWNLOAD)
        place = self._folder.place_of(file.id)
        if not await asyncio.to_thread(place.is_file):
            _log.error("the bytes of file %s are not in the folder", file.id)
            raise unavailable("the bytes of the file are not here")
        _log.info("file %s is fetched over HTTP: %s %s", file.id, request.method, request.headers.get("Range", "whole"))
        return _Bytes(place, headers=_headers(file))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        link, file = await self._files.opened(request.match_info["secret"], Direction.UPLOAD)
        if (request.content_length or 0) > link.most_bytes and not _is_form(request):
            raise too_large(link.most_bytes)
        if self._free <= 0:
            raise too_many("QUEUE_FULL", "too many files are on their way", _RETRY)
        self._free -= 1
        receiving = self._folder.receive(file.id, link.most_bytes)
        try:
            await _receive(request, receiving)
            received = await receiving.finish()
            _check_digests(request, receiving)
            await self._files.store(file.id, received, receiving.keep)
            _log.info("file %s came over HTTP: %d bytes", file.id, received.size_bytes)
        finally:
            self._free += 1
            await asyncio.to_thread(receiving.discard)
        return web.json_response({"sizeBytes": str(received.size_bytes), "sha256": received.sha256}, status=201)


async def _receive(request: web.Request, receiving: Receiving) -> None:
    """Raises: TOO_LARGE, INVALID_FIELD for a form without a file, and what aiohttp raises of a broken connection."""
    if not _is_form(request):
        await _copy(request.content, receiving)
        return
    try:
        form = await request.multipart()
        part = await _first_file(form)
    except ValueError as error:
        raise invalid("body", f"is no form: {error}") from error
    if part is None:
        raise invalid("body", "must have a file")
    while data := await _in_time(part.read_chunk(_READ_BYTES)):
        await receiving.write(data)


async def _first_file(form: MultipartReader) -> BodyPartReader | None:
    while (part := await _in_time(form.next())) is not None:
        if isinstance(part, BodyPartReader) and part.filename is not None:
            return part
    return None


async def _copy(body: StreamReader, receiving: Receiving) -> None:
    while data := await _in_time(body.read(_READ_BYTES)):
        await receiving.write(data)


async def _in_time(reading: Awaitable[_Read]) -> _Read:
    """Raises: DEADLINE_EXCEEDED when nothing comes for too long."""
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await reading
    except TimeoutError as error:
        message = f"nothing came for {_SILENCE_SECONDS:g} s"
        raise DomainError(ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message) from error


def _is_one_range(request: web.BaseRequest) -> bool:
    found = _ONE_RANGE.fullmatch(request.headers["Range"].strip())
    if request.method != "GET" or found is None:
        return False
    return not found["last"] or int(found["first"]) <= int(found["last"])


def _is_form(request: web.Request) -> bool:
    return request.content_type == "multipart/form-data"


def _check_digests(request: web.Request, receiving: Receiving) -> None:
    """What the sender says of its bytes must be true of those that came. Raises: INVALID_FIELD."""
    for header in ("Repr-Digest", "Content-Digest"):
        if found := _SHA_256.search(request.headers.get(header, "")):
            _check_digest(header, found[1], receiving.sha256())
    if said := request.headers.get("Content-MD5"):
        _check_digest("Content-MD5", said, receiving.md5())


def _check_digest(header: str, said: str, digest: bytes) -> None:
    try:
        expected = base64.b64decode(said, validate=True)
    except ValueError as error:
        raise invalid(header, "is no base64") from error
    if expected != digest:
        raise invalid(header, f"is not that of the bytes that came, which is {base64.b64encode(digest).decode()}")


def _headers(file: StoredFile) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Repr-Digest": f"sha-256=:{digest}:",
        # It is one charge point's, and its link is a secret.
        "Cache-Control": "private, no-store",
    }


@web.middleware
async def _told(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Failures as the REST facade words them."""
    try:
        return await handler(request)
    except DomainError as error:
        return _refusal(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _answer(error.status, 5 if error.status == 404 else 3, "PATH_NOT_FOUND", error.reason, {})
    except (ClientError, ConnectionError, web.RequestPayloadError) as error:
        # Nobody is there to be told.
        _log.info("an upload broke off: %r", error)
        return _answer(400, 3, "UNREADABLE_REQUEST", "the body ended too early", {})
    except OSError as error:
        _log.error("a file could not be read or written", exc_info=error)
        return _refusal(unavailable("the place of files does not take or give bytes"))


def _refusal(error: DomainError) -> web.Response:
    status = _HTTP_STATUS.get(error.reason) or http_status_of(error.reason) or _BY_KIND.get(error.kind, 500)
    response = _answer(status, to_status(error).code, error.reason, error.message, error.metadata)
    if wait := error.metadata.get(RETRY_AFTER_KEY):
        response.headers["Retry-After"] = wait
    if status in (408, 413, 503):
        # The rest of the body is not read.
        response.force_close()
    return response


def _answer(status: int, code: int, reason: str, message: str, metadata: Mapping[str, str]) -> web.Response:
    info = {"@type": _ERROR_INFO, "reason": reason, "domain": DOMAIN, "metadata": dict(metadata)}
    return web.json_response({"code": code, "message": message, "details": [info]}, status=status)
