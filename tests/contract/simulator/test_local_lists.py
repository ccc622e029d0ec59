"""Local lists come over the wire, and decide while there is no connection."""

from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from simulator.charge_point import ChargePoint
from tests.contract.simulator.conftest import MakeStation
from tests.fixtures.tiny_csms import TinyCsms


async def _leave(station: ChargePoint) -> None:
    station.link.pause()
    station.link.cut()
    while station.link.session is not None:
        await station.link.changed()


def _list_16(version: int, kind: str, **entries: str | None) -> Any:
    listed: list[dict[str, Any]] = [
        {"id_tag": tag, **({} if status is None else {"id_tag_info": {"status": status}})}
        for tag, status in entries.items()
    ]
    return call16.SendLocalList(version, kind, listed)


async def test_a_16_list_is_kept_by_version_and_asked_offline(csms: TinyCsms, station16: ChargePoint) -> None:
    assert (await csms.send("CP001", call16.GetLocalListVersion())).list_version == 0
    for update, status in (
        (_list_16(3, "Full", MINE="Accepted", STOLEN="Blocked"), "Accepted"),
        (_list_16(3, "Differential", MINE="Invalid"), "VersionMismatch"),
        (_list_16(4, "Differential", STOLEN=None, LATE="Expired"), "Accepted"),
    ):
        assert (await csms.send("CP001", update)).status == status
    assert (await csms.send("CP001", call16.GetLocalListVersion())).list_version == 4
    await csms.send("CP001", call16.ChangeConfiguration("AllowOfflineTxForUnknownId", "false"))
    await _leave(station16)
    told = [await station16.authorize(tag) for tag in ("mine", "LATE", "STOLEN", "STRANGER")]
    assert told == ["Accepted", "Expired", "Invalid", "Invalid"]


async def test_a_16_list_that_is_switched_off_is_not_supported(csms: TinyCsms, station16: ChargePoint) -> None:
    await csms.send("CP001", _list_16(3, "Full", MINE="Blocked"))
    await csms.send("CP001", call16.ChangeConfiguration("LocalAuthListEnabled", "false"))
    assert (await csms.send("CP001", _list_16(4, "Full", MINE="Blocked"))).status == "NotSupported"
    assert (await csms.send("CP001", call16.GetLocalListVersion())).list_version == -1
    await _leave(station16)
    assert await station16.authorize("MINE") == "Accepted"


@pytest.mark.parametrize("protocol", ["2.0.1", "2.1"])
async def test_a_2x_list_is_kept_counted_and_asked_offline(
    csms: TinyCsms, make_station: MakeStation, protocol: str
) -> None:
    station = make_station(protocol)
    async with station.running():
        await station.ready(10)
        listed = [
            {"id_token": {"id_token": tag, "type": "ISO14443"}, "id_token_info": {"status": status}}
            for tag, status in (("MINE", "Accepted"), ("STOLEN", "Blocked"))
        ]
        assert (await csms.send("CP001", call201.SendLocalList(7, "Full", listed))).status == "Accepted"
        assert (await csms.send("CP001", call201.GetLocalListVersion())).version_number == 7
        asked = [{"component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "Entries"}}]
        [counted] = (await csms.send("CP001", call201.GetVariables(asked))).get_variable_result
        assert counted["attribute_value"] == "2"
        mismatch = call201.SendLocalList(7, "Differential", listed)
        assert (await csms.send("CP001", mismatch)).status == "VersionMismatch"
        await _leave(station)
        assert [await station.authorize(tag) for tag in ("MINE", "STOLEN")] == ["Accepted", "Blocked"]
