"""The edge process of the naive server: `websockets` and the router of the `ocpp` package, a gRPC call per message.

`python -m bench.naive.central_system PORT SERVICE_PORT`. On the default event loop, with the package's own validation.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import grpc.aio
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.naive.wire import Message, dump, method, parse


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the package has no types
    """The server's side of one charge point's connection."""

    def __init__(self, identity: str, socket: ServerConnection, channel: grpc.aio.Channel) -> None:
        super().__init__(identity, socket)
        self._channel = channel

    @on(Action.boot_notification)  # type: ignore[untyped-decorator]
    async def on_boot(self, charge_point_vendor: str, charge_point_model: str, **_: Any) -> Any:
        answer = await self._call("Boot", vendor=charge_point_vendor, model=charge_point_model)
        return call_result.BootNotification(current_time=_now(), interval=300, status=answer["status"])

    @on(Action.heartbeat)  # type: ignore[untyped-decorator]
    async def on_heartbeat(self) -> Any:
        await self._call("Heartbeat")
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)  # type: ignore[untyped-decorator]
    async def on_status(
        self, connector_id: int, error_code: str, status: str, timestamp: str | None = None, **_: Any
    ) -> Any:
        time = timestamp or _now()
        await self._call("Status", connector_id=connector_id, error_code=error_code, status=status, timestamp=time)
        return call_result.StatusNotification()

    @on(Action.authorize)  # type: ignore[untyped-decorator]
    async def on_authorize(self, id_tag: str) -> Any:
        answer = await self._call("Authorize", id_tag=id_tag)
        return call_result.Authorize(id_tag_info={"status": answer["status"]})

    @on(Action.start_transaction)  # type: ignore[untyped-decorator]
    async def on_start(self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> Any:
        answer = await self._call(
            "Start", connector_id=connector_id, id_tag=id_tag, meter_start=meter_start, timestamp=timestamp
        )
        return call_result.StartTransaction(
            transaction_id=answer["transaction_id"], id_tag_info={"status": answer["status"]}
        )

    @on(Action.stop_transaction)  # type: ignore[untyped-decorator]
    async def on_stop(
        self, transaction_id: int, meter_stop: int, timestamp: str, reason: str | None = None, **_: Any
    ) -> Any:
        await self._call(
            "Stop", transaction_id=transaction_id, meter_stop=meter_stop, timestamp=timestamp, reason=reason
        )
        return call_result.StopTransaction()

    @on(Action.meter_values)  # type: ignore[untyped-decorator]
    async def on_meter_values(
        self, connector_id: int, meter_value: list[Any], transaction_id: int | None = None, **_: Any
    ) -> Any:
        await self._call(
            "MeterValues", connector_id=connector_id, transaction_id=transaction_id, meter_value=meter_value
        )
        return call_result.MeterValues()

    async def _call(self, name: str, **fields: Any) -> Message:
        call = self._channel.unary_unary(method(name), request_serializer=dump, response_deserializer=parse)
        answer: Message = await call({"id": self.id, **fields})
        return answer


async def run(port: int, service_port: int) -> None:
    """Accept charge points until cancelled."""
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service_port}") as channel:

        async def connected(socket: ServerConnection) -> None:
            assert socket.request is not None
            identity = socket.request.path.rpartition("/")[2]
            try:
                await CentralSystem(identity, socket, channel).start()
            except ConnectionClosed:
                return

        async with serve(connected, "127.0.0.1", port, subprotocols=[Subprotocol("ocpp1.6")]) as server:
            await server.serve_forever()


def _now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2])))
