"""Connecting, registering, being cut off and coming back."""

import asyncio
from dataclasses import replace

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from simulator.charge_point import ChargePoint
from tests.contract.simulator.conftest import QUICK, MakeStation
from tests.fixtures.tiny_csms import TinyCsms


async def test_a_lost_line_is_opened_again_without_a_boot(csms: TinyCsms, station16: ChargePoint) -> None:
    station16.link.cut()
    await csms.until(lambda: csms.handshakes["CP001"] == 2)
    await station16.ready(10)
    assert csms.actions().count("BootNotification") == 1


async def test_a_call_ends_with_its_connection_not_with_its_timeout(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.ignore["Authorize"] = 1
    station = make_station(timing=replace(QUICK, response_timeout=60))
    async with station.running():
        await station.ready(10)
        asking = asyncio.create_task(station.authorize("TAG"))
        await csms.until(lambda: "Authorize" in csms.actions())
        station.link.cut()
        # Cut off in mid-call it decides by itself, as it does offline.
        assert await asyncio.wait_for(asking, 10) == "Accepted"


async def test_the_right_password_opens_the_door(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.passwords["CP001"] = b"0123456789abcdef"
    station = make_station(password=b"0123456789abcdef")
    async with station.running():
        await station.ready(10)


async def test_a_wrong_password_is_tried_again_and_the_reason_is_known(
    csms: TinyCsms, make_station: MakeStation
) -> None:
    csms.passwords["CP001"] = b"0123456789abcdef"
    station = make_station(password=b"wrong")
    async with station.running():
        await csms.until(lambda: csms.handshakes["CP001"] == 2)
        assert station.link.failure is not None
        assert station.link.failure.status == 401
        assert not station.link.ready


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
async def test_a_new_password_is_used_from_the_next_connection_on(
    csms: TinyCsms, make_station: MakeStation, protocol: str
) -> None:
    old, new = b"0123456789abcdef", b"fedcba9876543210"
    csms.passwords["CP001"] = old
    station = make_station(protocol, password=old)
    async with station.running():
        await station.ready(10)
        csms.passwords["CP001"] = new
        if protocol == "1.6":
            await csms.send("CP001", call16.ChangeConfiguration("AuthorizationKey", new.hex()))
        else:
            place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
            await csms.send("CP001", call201.SetVariables([{**place, "attribute_value": new.decode()}]))
        await csms.until(lambda: csms.handshakes["CP001"] >= 2)
        await station.ready(10)
        assert csms.handshakes["CP001"] == 2


async def test_a_server_that_is_too_busy_is_asked_again(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.handshake_status = 503
    station = make_station()
    async with station.running():
        await csms.until(lambda: csms.handshakes["CP001"] == 3)
        csms.handshake_status = None
        await station.ready(10)


async def test_a_server_that_is_not_there_yet_is_waited_for(make_station: MakeStation) -> None:
    station = make_station()
    station.endpoint = type(station.endpoint)("ws://127.0.0.1:9/ocpp")
    async with station.running():
        while station.link.failure is None:
            await station.link.changed()
        assert not station.link.ready


async def test_pending_says_nothing_but_boot_until_it_is_accepted(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.registration, csms.boot_interval = "Pending", 1
    station = make_station()
    async with station.running():
        await csms.until(lambda: csms.actions().count("BootNotification") == 2)
        assert set(csms.actions()) == {"BootNotification"}
        csms.registration = "Accepted"
        await station.ready(10)
        assert "StatusNotification" in csms.actions()


async def test_pending_obeys_a_trigger_to_boot_again(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.registration, csms.boot_interval = "Pending", 600
    station = make_station()
    async with station.running():
        await csms.until(lambda: station.link.registration == "Pending" or "BootNotification" in csms.actions())
        csms.registration = "Accepted"
        await csms.send("CP001", call16.TriggerMessage("BootNotification"))
        await station.ready(10)


async def test_a_refused_boot_is_repeated(csms: TinyCsms, make_station: MakeStation) -> None:
    csms.refuse["BootNotification"] = 2
    station = make_station()
    async with station.running():
        await station.ready(10)
    assert csms.actions()[:3] == ["BootNotification"] * 3
    assert station.problem_counts == {"BootNotification": 2}


async def test_frames_that_are_no_ocpp_do_not_end_the_reader(csms: TinyCsms, station16: ChargePoint) -> None:
    wire = csms.peers["CP001"]._connection
    for text in ("", "{", "[]", "[2]", '[2,"x",{},{}]', '[3,"unknown",{}]', '[4,"unknown"]', "null"):
        await wire.send(text)
    answer = await csms.send("CP001", call16.GetConfiguration(["HeartbeatInterval"]))
    assert answer.configuration_key[0]["value"] == "300"
    assert csms.handshakes["CP001"] == 1
