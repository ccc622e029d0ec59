"""Makes calls idempotent: one `request_id` of one caller of one RPC makes one resource, within 24 hours.

Works inside the caller's transaction, so that the key and the resource exist together or not at all.
"""

import hashlib
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.errors import DomainError, ErrorKind, invalid
from services.postgres.shared_tables import IDEMPOTENCY_KEYS
from services.rpc.calls import Call, current_call

_LONGEST_REQUEST_ID = 100
# Of keys that were stored before callers and bodies were: they answer every caller, as they did.
_ANYBODY = ""
_KEYS = IDEMPOTENCY_KEYS.c


class _Key(NamedTuple):
    scope: str
    caller: str
    request_id: str


class _Earlier(NamedTuple):
    resource_id: str
    digest: bytes | None


async def remember(connection: AsyncConnection, request_id: str, resource_id: str) -> str:
    """Record that `request_id` makes `resource_id`, unless it already made another; returns the id that it makes.

    Call it from a handler, before the resource is inserted: when the answer is not `resource_id`, the work has been
    done and that resource is the answer. It counts for the RPC, the caller and the request of the call under way. A
    concurrent request with the same id waits here until the first has committed or rolled back. Raises: INVALID_FIELD
    for a request id of more than 100 characters, REQUEST_ID_REUSED for one that was sent with another request.
    """
    if len(request_id) > _LONGEST_REQUEST_ID:
        raise invalid("requestId", f"must have at most {_LONGEST_REQUEST_ID} characters")
    call = current_call()
    key, digest = _Key(call.method, call.subject, request_id), _digest(call)
    if await _claim(connection, key, digest, resource_id):
        return resource_id
    earlier = await _recall(connection, key)
    if earlier is None:
        # The key that stood in the way was swept between the two statements: the way is free now.
        return await remember(connection, request_id, resource_id)
    if earlier.digest not in (None, digest):
        raise _reused(request_id)
    return earlier.resource_id


async def _claim(connection: AsyncConnection, key: _Key, digest: bytes, resource_id: str) -> bool:
    stored_before = exists().where(*_is(key._replace(caller=_ANYBODY)))
    values = select(*map(literal, (*key, digest, resource_id))).where(~stored_before)
    claim = (
        insert(IDEMPOTENCY_KEYS)
        .from_select(["scope", "caller", "request_id", "digest", "resource_id"], values)
        .on_conflict_do_nothing()
        .returning(_KEYS.resource_id)
    )
    return (await connection.execute(claim)).first() is not None


async def _recall(connection: AsyncConnection, key: _Key) -> _Earlier | None:
    found = select(_KEYS.resource_id, _KEYS.digest).where(
        _KEYS.scope == key.scope, _KEYS.request_id == key.request_id, _KEYS.caller.in_((key.caller, _ANYBODY))
    )
    row = (await connection.execute(found.order_by(_KEYS.caller.desc()))).first()
    return _Earlier(*row) if row is not None else None


def _is(key: _Key) -> tuple[ColumnElement[bool], ...]:
    return _KEYS.scope == key.scope, _KEYS.caller == key.caller, _KEYS.request_id == key.request_id


def _digest(call: Call) -> bytes:
    return hashlib.sha256(call.request.SerializeToString(deterministic=True)).digest()


def _reused(request_id: str) -> DomainError:
    return DomainError(
        ErrorKind.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        "the request id was sent with another request before; a new request needs a new one",
        {"id": request_id},
    )
