"""kill -9 of every replica of the transaction service in the middle of a campaign: each charge point is asked once."""

import asyncio
import signal
from collections import Counter
from typing import Any

from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import REPLICAS, Cluster
from tests.e2e.cluster.conftest import Note
from tests.fixtures.system import until

_CHARGERS = 24
# Those that were asked, and have not answered, when the service dies.
_IN_FLIGHT = 6
_ACTION = "ClearCache"


async def test_a_campaign_that_is_killed_in_the_middle_asks_each_charge_point_once(
    cluster: Cluster, note: Note
) -> None:
    names = await asyncio.to_thread(cluster.register, "CAMPAIGN", _CHARGERS)
    chargers = [Charger(name, cluster.edge_url(number % REPLICAS)) for number, name in enumerate(names)]
    for charger in chargers:
        charger.holds = _ACTION
    try:
        await asyncio.gather(*(charger.begin() for charger in chargers))
        campaign = await asyncio.to_thread(_begin, cluster, names)
        await asyncio.to_thread(until, lambda: _sent(cluster, campaign) == len(_asked(chargers)) >= _IN_FLIGHT)
        pids = [cluster.signal("transaction", replica, signal.SIGKILL) for replica in range(REPLICAS)]
        before = _asked(chargers)
        for replica, pid in enumerate(pids):
            await asyncio.to_thread(cluster.until_back, "transaction", replica, pid)
        # Nobody waits any more for the answers of those that were asked before.
        await asyncio.gather(*(charger.answer_held() for charger in chargers))
        ended = await asyncio.to_thread(until, lambda: _ended(cluster, campaign), within_seconds=90)
    finally:
        await asyncio.gather(*(charger.leave() for charger in chargers))
    assert _IN_FLIGHT <= len(before) < _CHARGERS, "it was not in the middle"
    commands = cluster.system.get(f"/command-campaigns/{campaign}/commands?pageSize=100").data
    assert Counter(one["chargePointId"] for one in commands) == dict.fromkeys(names, 1)
    assert _asked(chargers) == dict.fromkeys(names, 1)
    late = {one["chargePointId"] for one in commands if "lateAnswer" in one}
    assert late == set(before), "what was answered to the dead is not lost"
    assert ended["progress"]["accepted"] == _CHARGERS, ended
    note(f"{len(before)} of {_CHARGERS} asked when it died, each answered late; nobody was asked twice or left out")


def _begin(cluster: Cluster, names: list[str]) -> str:
    expected = {
        "command": {"clearCache": {}},
        "selection": {"chargePointIds": names},
        "commandsPerSecond": 6,
        "options": {"expireAfter": "300s"},
    }
    made = cluster.system.call("POST", "/command-campaigns", expected)
    assert made.status == 201, made.text
    return str(made.data["id"])


def _asked(chargers: list[Charger]) -> Counter[str]:
    """How often each was asked, of those that were."""
    return Counter(charger.identity for charger in chargers for _, action in charger.asked if action == _ACTION)


def _sent(cluster: Cluster, campaign: str) -> int:
    query = "SELECT count(*) FROM commands WHERE campaign_id = %s AND state = 'SENT'"
    [(count,)] = cluster.rows("csms_charge_points", query, campaign)
    return int(count)


def _ended(cluster: Cluster, campaign: str) -> Any:
    found = cluster.system.get(f"/command-campaigns/{campaign}").data
    return found if found["state"] == "COMPLETED" else None
