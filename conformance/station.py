"""A charge point that a case plays, and its operator: what is asked for by REST, and what is seen of it there."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from conformance.place import Place
from conformance.rest import eventually
from conformance.verdicts import Failed, same
from conformance.wire import ANSWER_SECONDS, CallError, Payload, Wire

__all__ = ["Asked", "Payload", "Station"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command of the operator: what the CSMS sent for it, and the record of it."""

    payload: Payload
    command: Any


class Station(Wire):
    """One charge point of one case, registered at the CSMS."""

    def __init__(self, version: str, identity: str, place: Place) -> None:
        super().__init__(version, identity, place)
        self.operator = place.operator

    async def commanded(
        self, path: str, body: Any, action: str, answer: Payload | CallError, *further: Payload
    ) -> Asked:
        """The operator asks for a command, the CSMS sends it, the charge point answers it.

        Each of `further` answers one more call of the same action, of which the payload is that of the first.
        """
        asking = asyncio.create_task(self.operator.call("POST", f"/charge-points/{self.identity}/{path}", body))
        answering = asyncio.create_task(self.answers(action, answer))
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and not answering.done():
                # Refused before it was sent: the reason is worth more than that nothing came.
                _ = asking.result().data
            payload = await answering
            for one in further:
                await self.answers(action, one)
            return Asked(payload, (await asking).data)
        finally:
            asking.cancel()
            answering.cancel()

    # ---------------------------------------------------------------- what the operator sees

    async def transaction(self, **fields: Any) -> Any:
        """The only transaction of this charge point, as soon as it has these fields."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/transactions?chargePointId={self.identity}")
            return len(seen) == 1 and all(seen[0].get(name) == value for name, value in fields.items()) and seen[0]

        return await self._shown(f"its one transaction has {fields}", look, lambda: seen)

    async def no_transaction(self) -> None:
        """Raises Failed when there is a transaction of this charge point."""
        same("transactions", await self.operator.get(f"/transactions?chargePointId={self.identity}"), [])

    async def command_is(self, command: Any, state: str) -> Any:
        """The record of a command, as soon as it is in this state."""

        async def look() -> Any:
            record = await self.operator.get(f"/commands/{command['id']}")
            return record if record["state"] == state else None

        return await eventually(f"the command {command['kind']} becomes {state}", look)

    async def file_job_is(self, command: Any, state: str) -> Any:
        """How a command about firmware or a log goes on, as soon as it is in this state."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/file-jobs/{command['id']}")
            return seen if seen["state"] == state else None

        return await self._shown(f"the file job is {state}", look, lambda: seen)

    async def connector_is(self, status: str, connector: int = 1, evse: int | None = None) -> None:
        """Wait until the operator sees this status of a connector."""
        place = {"evseId": connector if evse is None else evse, "connectorId": 1 if evse is not None else connector}
        seen: Any = None

        async def look() -> bool:
            nonlocal seen
            seen = (await self.operator.get(f"/charge-points/{self.identity}"))["connectors"]
            return any(_is_at(one, place) and one["status"] == status for one in seen)

        await self._shown(f"connector {place} is {status}", look, lambda: seen)

    async def event(self, action: str, **fields: Any) -> Any:
        """The newest event that came from this message of the charge point, as soon as one has these fields."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/charge-points/{self.identity}/events?action={action}")
            return next((one for one in seen if all(one.get(name) == value for name, value in fields.items())), None)

        return await self._shown(f"there is an event of {action} with {fields}", look, lambda: seen)

    async def _shown(self, what: str, look: Callable[[], Awaitable[Any]], seen: Callable[[], Any]) -> Any:
        try:
            return await eventually(what, look)
        except Failed:
            raise Failed(f"expected that {what}, seen {json.dumps(seen())[:600]}") from None

    # ---------------------------------------------------------------- files

    async def uploads(self, url: str, content: bytes) -> None:
        """Send a file to where the CSMS has told it to. Raises Failed when it is not taken."""
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(None, _put, url, content)
        same("HTTP status of the upload", status, 201)


def _put(url: str, content: bytes) -> int:
    request = urllib.request.Request(url, content, {"Content-Type": "application/octet-stream"}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except (OSError, ValueError) as error:
        raise Failed(f"expected that a file can be sent to {url}, seen {error}") from error


def _is_at(connector: Any, place: Any) -> bool:
    found = connector.get("evse") or connector
    return all(int(found.get(name, 0) or 0) == number for name, number in place.items())
