"""Makes create requests idempotent: one `request_id` makes one resource, within 24 hours.

Works inside the caller's transaction, so that the key and the resource exist together or not at all.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.shared_tables import IDEMPOTENCY_KEYS
from services.kernel.errors import invalid

_LONGEST_REQUEST_ID = 100


async def remember(connection: AsyncConnection, scope: str, request_id: str, resource_id: str) -> str:
    """Record that `request_id` makes `resource_id`, unless it already made another; returns the id that it makes.

    Call it before the resource is inserted: when the answer is not `resource_id`, the work has been done and that
    resource is the answer. A concurrent request with the same id waits here until the first has committed or rolled
    back. `scope` keeps apart the kinds of resource and the callers, for example `stations/<account id>`. Raises:
    INVALID_FIELD for a request id of more than 100 characters.
    """
    if len(request_id) > _LONGEST_REQUEST_ID:
        raise invalid("requestId", f"must have at most {_LONGEST_REQUEST_ID} characters")
    claim = (
        insert(IDEMPOTENCY_KEYS)
        .values(scope=scope, request_id=request_id, resource_id=resource_id)
        .on_conflict_do_nothing()
        .returning(IDEMPOTENCY_KEYS.c.resource_id)
    )
    if (await connection.execute(claim)).first() is not None:
        return resource_id
    earlier = await recall(connection, scope, request_id)
    if earlier is None:
        # The key that stood in the way was swept between the two statements: the way is free now.
        return await remember(connection, scope, request_id, resource_id)
    return earlier


async def recall(connection: AsyncConnection, scope: str, request_id: str) -> str | None:
    """The id of the resource that `request_id` made, or None. Does not wait for requests in progress."""
    keys = IDEMPOTENCY_KEYS.c
    found = await connection.execute(select(keys.resource_id).where(keys.scope == scope, keys.request_id == request_id))
    return found.scalar_one_or_none()
