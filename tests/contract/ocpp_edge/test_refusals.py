"""A whole node: what it tells the platform of those it refuses, and what nodes tell each other."""

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms.station.v1.refusal_pb2 import Refusal
from tests.contract.ocpp_edge.edge import basic, until
from tests.contract.ocpp_edge.node import Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.background import eventually

PASSWORD = b"the right password"


async def knock(
    node: Node, password: bytes | None = None, *offers: str, identity: str = "CP1", address: str = "127.0.0.1"
) -> tuple[int, str]:
    """Status and rule of a refusal; (101, the subprotocol) when it is let in."""
    headers = basic(identity, password) if password is not None else {}
    socket = connect(
        f"ws://127.0.0.1:{node.edge.gateway.port}/ocpp/{identity}",
        subprotocols=[Subprotocol(name) for name in offers or ("ocpp1.6",)],
        additional_headers=headers,
        local_addr=(address, 0),
        proxy=None,
    )
    try:
        async with socket as opened:
            return 101, opened.subprotocol or ""
    except InvalidStatus as refused:
        return refused.response.status_code, refused.response.headers["X-Refusal-Rule"]


@pytest.mark.field_case("B9")
async def test_what_was_refused_is_told_to_the_platform_in_reports(node: Node, platform: Platform) -> None:
    platform.passwords["CP1"] = PASSWORD
    platform.unknown.add("CP2")
    for number in range(3):
        assert await knock(node, b"wrong %d" % number) == (401, "WRONG_PASSWORD")
    assert await knock(node, identity="CP2") == (404, "UNKNOWN_IDENTITY")
    assert await knock(node, PASSWORD, "soap") == (400, "NO_COMMON_SUBPROTOCOL")

    await until(lambda: len(platform.refusals) == 3)

    reported = {one.rule: one for one in platform.refusals}
    assert (reported[Refusal.WRONG_PASSWORD].count, reported[Refusal.WRONG_PASSWORD].guess_count) == (3, 3)
    assert reported[Refusal.UNKNOWN_IDENTITY].identity == "CP2"
    assert list(reported[Refusal.NO_COMMON_SUBPROTOCOL].offered_protocols) == ["soap"]
    assert {one.remote_address for one in platform.refusals} == {"127.0.0.1"}
    assert not any(one.guess for one in platform.refusals)


@pytest.mark.field_case("B9")
async def test_while_the_station_service_is_away_refusals_wait(node: Node, platform: Platform) -> None:
    platform.down = {"OpenConnections", "ReportRefusals"}
    assert await knock(node) == (503, "PLATFORM_UNAVAILABLE")
    platform.down = set()
    await until(lambda: platform.refusals)
    assert [one.rule for one in platform.refusals] == [Refusal.PLATFORM_UNAVAILABLE]


@pytest.mark.field_case("B7")
async def test_the_platform_says_which_version_is_spoken_in_the_one_round_trip(node: Node, platform: Platform) -> None:
    platform.pins["CP1"] = "ocpp1.6"
    assert await knock(node, None, "ocpp1.6", "ocpp2.0.1") == (101, "ocpp1.6")
    assert await knock(node, None, "ocpp2.0.1") == (400, "PINNED_PROTOCOL_NOT_OFFERED")
    assert await knock(node, None, "ocpp1.6", "ocpp2.0.1", identity="CP2") == (101, "ocpp2.0.1")
    assert platform.knocks == 3


@pytest.mark.field_case("E6")
async def test_nodes_tell_each_other_who_tries_passwords(
    start_node: Starter, platform: Platform, nats_url: str
) -> None:
    first = await start_node(edge_node_id="node-1", nats_url=nats_url)
    second = await start_node(edge_node_id="node-2", nats_url=nats_url)
    platform.passwords["CP1"] = PASSWORD
    tried = 0

    async def is_known_to_both() -> bool:
        nonlocal tried
        tried += 1
        await knock(first, b"wrong %d" % tried, address="127.0.0.2")
        return (await knock(second, b"another", address="127.0.0.2"))[0] == 429 and tried > 6

    await eventually(is_known_to_both)
    looked_at = platform.knocks
    assert looked_at < 2 * tried
    # The charge point itself is elsewhere.
    for node in (first, second):
        assert (await knock(node, PASSWORD))[0] == 101
