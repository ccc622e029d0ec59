"""A good token is decided about once for a few messages, and anew as soon as the platform tells that it changed."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.driver.v1.token_pb2 import Token
from csms.event.v1.domain_event_pb2 import DomainEvent, DomainEvents, TokenChanged
from ocpp_edge.backend.decisions import KEPT_SECONDS
from services.messaging.event_bus import EventBus
from tests.contract.ocpp_edge.edge import until
from tests.contract.ocpp_edge.node import Charger, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.background import eventually

CHANGED = "csms.event.driver.token.changed"


async def status(charger: Charger) -> str:
    answer = await charger.ask("Authorize", {"idTag": "CARD"})
    return str(answer["idTagInfo"]["status"])


async def kept(charger: Charger, platform: Platform) -> bool:
    """Whether the driver service was not asked about the card."""
    before = platform.asked
    assert await status(charger) == "Accepted"
    return platform.asked == before


async def is_blocked(charger: Charger) -> bool:
    return await status(charger) == "Blocked"


async def test_a_change_of_a_card_reaches_the_next_message(
    start_node: Starter, platform: Platform, nats_url: str
) -> None:
    node = await start_node(nats_url=nats_url)
    bus = await EventBus.connect(nats_url)
    async with node.charger() as charger:
        await eventually(lambda: kept(charger, platform))  # the node listens by then
        assert await kept(charger, platform)
        platform.tokens["CARD"] = TokenDecision.BLOCKED
        client = await bus.client()
        changes = [DomainEvent(token_changed=TokenChanged(token=Token(value=token))) for token in ("OTHER", "CARD")]
        reported = DomainEvents(events=[event.SerializeToString() for event in changes])
        await client.publish(CHANGED, reported.SerializeToString())
        await client.flush()
        asked = platform.asked
        # Before the decision is too old to be kept by itself.
        await eventually(lambda: is_blocked(charger), within_seconds=KEPT_SECONDS / 2)
        assert platform.asked > asked
    await bus.close()


async def test_without_the_event_bus_every_message_is_decided_about_anew(
    start_node: Starter, platform: Platform
) -> None:
    node = await start_node(nats_url="nats://127.0.0.1:1")
    async with node.charger() as charger:
        assert [await kept(charger, platform) for _ in range(3)] == [False] * 3
        await until(lambda: platform.asked == 3)
