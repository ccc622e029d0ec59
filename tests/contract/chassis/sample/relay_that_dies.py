"""A process that relays the outbox and is gone (exit code 9) between the publication of events and the note about it.

Arguments: the URL of the database, the URL of NATS.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(_ROOT), str(_ROOT / "proto")]

from services.chassis.database import Database  # noqa: E402  (a script of its own must first find the packages)
from services.chassis.events import EventBus  # noqa: E402
from services.chassis.outbox import OutboxRelay  # noqa: E402
from services.chassis.parcels import OutgoingEvent  # noqa: E402


class DyingBus(EventBus):
    """Publishes once."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[bool]:
        if not all(await super().publish(events)):
            os._exit(1)
        os._exit(9)


asyncio.run(OutboxRelay(Database(sys.argv[1]), DyingBus(sys.argv[2])).run())
