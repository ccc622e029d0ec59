"""services.station.domain.connector"""

import functools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import DomainError
from services.station.domain.connector import (
    NO_ERROR,
    Availability,
    ConnectorStatus,
    ConnectorType,
    StatusReport,
    changed,
    checked,
    confirms,
    is_of_evse,
    key_of,
    of_connectors,
    reported,
    tells_news,
    validated,
)
from tests.unit.services.station.samples import CONNECTOR, NOW, fields_of

REPORT = StatusReport(
    charge_point_id="CP1",
    epoch=1,
    evse_id=1,
    connector_id=1,
    status=ConnectorStatus.CHARGING,
    error_code=NO_ERROR,
    info="",
    vendor_error_code="",
    time=NOW,
    received_time=NOW,
)


def _report(time: datetime, status: ConnectorStatus, error_code: str) -> StatusReport:
    return replace(REPORT, time=time, status=status, error_code=error_code)


def test_what_is_told_of_an_evse_is_told_of_its_connectors() -> None:
    of_evse = replace(REPORT, connector_id=0, status=ConnectorStatus.OCCUPIED)
    first, second = (replace(CONNECTOR, connector_id=number) for number in (1, 2))
    assert (is_of_evse(key_of(of_evse)), is_of_evse(key_of(REPORT)), is_of_evse(("CP1", 0, 0))) == (True, False, False)
    assert of_connectors(REPORT, [first, second]) == [REPORT]
    assert of_connectors(of_evse, [second]) == [replace(of_evse, connector_id=2)]
    assert of_connectors(of_evse, []) == [replace(of_evse, connector_id=1)]
    # Which of two is in use it does not say; that neither is, it does.
    assert of_connectors(of_evse, [first, second]) == []
    for status in (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED):
        changed = of_connectors(replace(of_evse, status=status), [first, second])
        assert [(one.connector_id, one.status) for one in changed] == [(1, status), (2, status)]


_reports = st.lists(
    st.builds(
        _report,
        st.integers(0, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        st.sampled_from(ConnectorStatus),
        st.sampled_from([NO_ERROR, "GroundFailure", "OtherError"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda report: report.time,
)


@given(_reports, st.data())
def test_status_reports_in_any_order_and_number_give_the_same_connector(
    reports: list[StatusReport], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(reports), max_size=4))
    shuffled = data.draw(st.permutations([*reports, *again]))

    connector = functools.reduce(reported, shuffled, CONNECTOR)

    latest = max(reports, key=lambda report: report.time)
    assert (connector.status, connector.error_code) == (latest.status, latest.error_code)
    assert connector.status_time == latest.time
    assert replace(connector, status=None, error_code=NO_ERROR, status_time=None) == CONNECTOR


def test_of_reports_of_one_moment_the_last_to_come_counts() -> None:
    before = reported(CONNECTOR, replace(REPORT, status=ConnectorStatus.PREPARING))

    assert reported(before, REPORT).status is ConnectorStatus.CHARGING


def test_a_repeated_and_a_late_report_change_nothing() -> None:
    known = reported(CONNECTOR, REPORT)

    assert reported(known, REPORT) is known
    assert reported(known, replace(REPORT, time=NOW - timedelta(seconds=1), status=ConnectorStatus.FAULTED)) is known


def test_an_error_code_is_kept_as_text_and_never_empty() -> None:
    assert reported(CONNECTOR, replace(REPORT, error_code="")).error_code == NO_ERROR
    assert reported(CONNECTOR, replace(REPORT, error_code="Ground\0Failure" + "x" * 200)).error_code == (
        "GroundFailure" + "x" * 87
    )


@pytest.mark.parametrize(
    ("report", "is_news"),
    [
        ({"time": NOW + timedelta(seconds=9)}, False),
        ({"status": ConnectorStatus.FINISHING}, True),
        ({"error_code": "GroundFailure"}, True),
    ],
)
def test_only_another_status_or_error_is_news(report: dict[str, Any], is_news: bool) -> None:
    before = reported(CONNECTOR, REPORT)

    assert tells_news(CONNECTOR, before)
    assert tells_news(before, reported(before, replace(REPORT, **report))) is is_news


@pytest.mark.parametrize("numbers", [(0, 0), (1, 0), (1000, 1000)])
def test_these_numbers_may_be_reported(numbers: tuple[int, int]) -> None:
    report = replace(REPORT, evse_id=numbers[0], connector_id=numbers[1])

    assert checked(report) is report
    assert key_of(report) == ("CP1", *numbers)


@pytest.mark.parametrize(("numbers", "bad"), [((-1, 1), ["evseId"]), ((1001, 2**31 - 1), ["evseId", "connectorId"])])
def test_no_charge_point_makes_connectors_without_end(numbers: tuple[int, int], bad: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        checked(replace(REPORT, evse_id=numbers[0], connector_id=numbers[1]))

    assert fields_of(refused.value) == bad


@pytest.mark.field_case("A6")
@pytest.mark.parametrize(
    ("status_time", "received", "booted", "confirms_it"),
    [
        pytest.param(-60, 0, None, False, id="it never booted"),
        pytest.param(-60, 0, -10, True, id="the first since the boot"),
        pytest.param(-4000, 0, -3000, True, id="the first since a boot long ago"),
        pytest.param(None, 0, -3000, True, id="the first ever"),
        pytest.param(-2, 0, -10, True, id="soon after the boot, by a clock that is ahead"),
        pytest.param(-2000, 0, -3000, False, id="a repetition long after the boot"),
        pytest.param(-60, -20, -10, False, id="told before the boot"),
    ],
)
def test_what_a_connector_does_since_a_boot_is_confirmed(
    status_time: int | None, received: int, booted: int | None, confirms_it: bool
) -> None:
    def at(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    report = replace(REPORT, received_time=NOW + timedelta(seconds=received))
    assert confirms(report, replace(CONNECTOR, status_time=at(status_time)), at(booted)) is confirms_it


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"charge_point_id": ""}, ["chargePointId"]),
        ({"connector_id": 0, "evse_id": 1001}, ["connectorId", "evseId"]),
        ({"max_power_w": -1}, ["maxPowerW"]),
        ({"max_power_w": 10_000_001}, ["maxPowerW"]),
    ],
)
def test_every_bad_field_of_a_connector_is_named(fields: dict[str, Any], bad: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(CONNECTOR, **fields), "station.connectors[0]")

    assert fields_of(refused.value) == [f"station.connectors[0].{field}" for field in bad]


def test_a_change_leaves_the_place_as_it_is() -> None:
    changes = {
        "type": ConnectorType.CCS2,
        "max_power_w": 150_000,
        "availability": Availability.INOPERATIVE,
        "charge_point_id": "CP1",
        "evse_id": 0,
        "connector_id": 1,
    }

    after = changed(CONNECTOR, changes)

    assert (after.type, after.max_power_w, after.availability) == (
        ConnectorType.CCS2,
        150_000,
        Availability.INOPERATIVE,
    )
    assert key_of(after) == key_of(CONNECTOR)


def test_a_change_of_the_place_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CONNECTOR, {"charge_point_id": "CP2", "evse_id": 2, "connector_id": 2})

    assert fields_of(refused.value) == ["connector.chargePointId", "connector.evseId", "connector.connectorId"]
