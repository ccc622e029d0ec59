"""The service process of the naive server: one unit of work with the ORM, and one commit, per call.

`python -m bench.naive.service PORT DATABASE_URL`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import grpc
import grpc.aio
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from bench.naive.tables import ChargePoint, IdTag, MeterValue, OutboxEvent, StatusNotification, Transaction
from bench.naive.wire import SERVICE, Message, dump, parse

_POOL = 10
_WAIT_SECONDS = 60.0
_Handler = Callable[[AsyncSession, Message], Awaitable[Message]]


async def _boot(session: AsyncSession, message: Message) -> Message:
    charge_point = await session.get(ChargePoint, message["id"])
    if charge_point is None:
        charge_point = ChargePoint(id=message["id"])
        session.add(charge_point)
    charge_point.vendor, charge_point.model = message["vendor"], message["model"]
    charge_point.last_seen = datetime.now(UTC)
    return {"status": "Accepted"}


async def _heartbeat(session: AsyncSession, message: Message) -> Message:
    charge_point = await session.get(ChargePoint, message["id"])
    if charge_point is not None:
        charge_point.last_seen = datetime.now(UTC)
    return {}


async def _status(session: AsyncSession, message: Message) -> Message:
    session.add(
        StatusNotification(
            charge_point_id=message["id"],
            connector_id=message["connector_id"],
            status=message["status"],
            error_code=message["error_code"],
            timestamp=_time(message["timestamp"]),
        )
    )
    return {}


async def _authorize(session: AsyncSession, message: Message) -> Message:
    card = await session.get(IdTag, message["id_tag"])
    return {"status": "Invalid" if card is None else card.status}


async def _start(session: AsyncSession, message: Message) -> Message:
    start_time = _time(message["timestamp"])
    same = select(Transaction).where(
        Transaction.charge_point_id == message["id"],
        Transaction.connector_id == message["connector_id"],
        Transaction.id_tag == message["id_tag"],
        Transaction.start_time == start_time,
    )
    transaction = (await session.execute(same)).scalars().first()
    if transaction is None:
        transaction = Transaction(
            charge_point_id=message["id"],
            connector_id=message["connector_id"],
            id_tag=message["id_tag"],
            meter_start=message["meter_start"],
            start_time=start_time,
        )
        session.add(transaction)
        await session.flush()
        session.add(OutboxEvent(kind="started", payload={"transaction_id": transaction.id, **message}))
    return {"transaction_id": transaction.id, "status": "Accepted"}


async def _stop(session: AsyncSession, message: Message) -> Message:
    transaction = await session.get(Transaction, message["transaction_id"])
    if transaction is not None and transaction.stop_time is None:
        transaction.meter_stop = message["meter_stop"]
        transaction.stop_time = _time(message["timestamp"])
        transaction.reason = message["reason"]
        session.add(OutboxEvent(kind="ended", payload=message))
    return {}


async def _meter_values(session: AsyncSession, message: Message) -> Message:
    for value in message["meter_value"]:
        session.add(
            MeterValue(
                transaction_id=message["transaction_id"],
                charge_point_id=message["id"],
                connector_id=message["connector_id"],
                timestamp=_time(value["timestamp"]),
                sampled_value=value["sampled_value"],
            )
        )
    return {}


_HANDLERS: dict[str, _Handler] = {
    "Boot": _boot,
    "Heartbeat": _heartbeat,
    "Status": _status,
    "Authorize": _authorize,
    "Start": _start,
    "Stop": _stop,
    "MeterValues": _meter_values,
}


async def serve(port: int, database_url: str) -> None:
    """Serve until cancelled."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_async_engine(url, pool_size=_POOL, max_overflow=0, pool_timeout=_WAIT_SECONDS)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    server = grpc.aio.server()
    handlers = {name: _method(handler, sessions) for name, handler in _HANDLERS.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def _method(handler: _Handler, sessions: async_sessionmaker[AsyncSession]) -> "grpc.RpcMethodHandler[Message, Message]":
    async def answer(request: Message, _context: grpc.aio.ServicerContext[Message, Message]) -> Message:
        async with sessions() as session, session.begin():
            return await handler(session, request)

    made: grpc.RpcMethodHandler[Message, Message] = grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=parse, response_serializer=dump
    )
    return made


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
