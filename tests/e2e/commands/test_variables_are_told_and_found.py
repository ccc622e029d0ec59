"""The device model over REST: told without being asked, on being asked, and by whatever else a charge point answers."""

from typing import Any

import pytest

from tests.e2e.commands.idle import command, idle_charge_point
from tests.fixtures.system import System, until


def test_a_station_that_boots_for_the_first_time_is_asked_for_its_variables(system: System) -> None:
    assert system.call("POST", "/charge-points", {"id": "E2EDM1"}).status == 201
    driver = system.call("POST", "/drivers", {"name": "E2EDM1"}).data["id"]
    assert system.call("POST", "/rfid-cards", {"idTag": "TAG-E2EDM1", "driverId": driver}).status == 201
    done = system.csms("simulate", "E2EDM1", "2.0.1", system.ocpp_url(), "--id-tag", "TAG-E2EDM1", "--quiet")
    assert done.returncode == 0, done.stderr
    shown = until(lambda: _variables(system, "E2EDM1", "component=OCPPCommCtrlr&variable=heartbeatInterval").data)
    [interval] = shown
    # As its boot was answered.
    assert interval["value"] == "60"
    assert interval["mutability"] == "READ_WRITE"
    assert interval["characteristics"]["unit"] == "s"
    assert interval["action"] == "NotifyReport"
    assert "goneTime" not in interval
    page = _variables(system, "E2EDM1", "pageSize=10")
    assert page.json["totalSize"] > 50
    assert page.json["nextPageToken"]
    powers = _variables(system, "E2EDM1", "text=power&evseId=2").data
    assert {one["component"]["evseId"] for one in powers} == {2}
    [reported] = system.get("/charge-points/E2EDM1/events?kind=report_request").data
    [asked] = [one for one in system.get("/charge-points/E2EDM1/commands").data if one["kind"] == "get_base_report"]
    [report] = system.get("/charge-points/E2EDM1/reports").data
    assert (report["requestId"], report["commandId"]) == (reported["requestId"], asked["id"])
    assert "reportTime" in report
    token = system.token("driver", "--driver", driver)
    refused = system.call(
        "GET", "/charge-points/E2EDM1/variables", role=None, headers={"Authorization": f"Bearer {token}"}
    )
    assert refused.status == 403
    assert _variables(system, "E2EDM1", role="viewer").status == 200


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
def test_what_is_asked_read_and_set_is_known_afterwards(system: System, protocol: str) -> None:
    component, key = (
        ("Configuration", "HeartbeatInterval") if protocol == "1.6" else ("OCPPCommCtrlr", "HeartbeatInterval")
    )
    setting = key if protocol == "1.6" else f"{component}.{key}"
    with idle_charge_point(system, f"E2EDM{protocol.replace('.', '')}", protocol) as name:
        assert command(system, name, "get-base-report", {"base": "FULL_INVENTORY"})["state"] == "ACCEPTED"
        query = f"component={component}&variable={key}"
        [before] = until(lambda: _variables(system, name, query).data)
        command(system, name, "change-configuration", {"key": setting, "value": "77"})
        [changed] = _variables(system, name, query).data
        assert (changed["value"], changed["previousValue"]) == ("77", before["value"])
        # A station is asked for its variables when it is new, too: that report may say the new value first.
        assert changed["action"] in ("ChangeConfiguration" if protocol == "1.6" else "SetVariables", "NotifyReport")
        since = changed["changedTime"]
        assert [one["id"] for one in _variables(system, name, f"changedSince={since}&{query}").data] == [changed["id"]]
        listed = system.get(f"/charge-points/{name}/variables/{changed['id']}/changes").data
        assert [(one["previousValue"], one["value"], one["time"]) for one in listed] == [(before["value"], "77", since)]
        assert listed[0]["action"] == changed["action"]
        expected = [{"component": {"name": component}, "variable": {"name": key}}]
        assert command(system, name, "get-report", {"componentVariables": expected})["state"] == "ACCEPTED"
        until(lambda: _variables(system, name, query).data[0]["reportedTime"] > since)
        assert _variables(system, name, query).data[0]["changedTime"] == since
        assert _variables(system, name, "gone=true").data == []


def _variables(system: System, name: str, query: str = "", *, role: str = "operator") -> Any:
    return system.get(f"/charge-points/{name}/variables?{query}", role=role)
