"""Remote starts with a group and a charging profile in the words of each version (OCPP 2.0.1 F01, F02 and K05)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.transaction.v1.charging_profile_pb2 import ChargingProfile, ChargingSchedule
from csms.transaction.v1.charging_profile_pb2 import ChargingSchedulePeriod as Period
from csms.transaction.v1.command_pb2 import RemoteStart
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from ocpp_edge.v2.commands.remote_start import with_group
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, unavailable
from services.kernel.ids import request_number
from services.rpc.protobuf import timestamp
from tests.unit.ocpp_edge.platform import Platform, context

SCHEMAS = {version: load(version) for version in Version}
SIX = timestamp(datetime(2026, 3, 1, 6, tzinfo=UTC))
NUMBER = request_number("c1")


def _profile(**fields: Any) -> ChargingProfile:
    schedule = ChargingSchedule(
        unit=ChargingSchedule.A, periods=[Period(limit=16), Period(start_seconds=3600, limit=6.1)]
    )
    return ChargingProfile(**{"schedules": [schedule], **fields})


def _asked(version: Version, body: RemoteStart) -> dict[str, Any]:
    action, payload = SERVED[version].dialect["remote_start"].ask(body, "c1")
    check_call(SCHEMAS[version], action, payload)
    return payload


def test_a_profile_is_told_in_the_words_of_each_version() -> None:
    body = RemoteStart(id_tag="CARD", connector_id=1, charging_profile=_profile())
    usual = {"stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative"}
    periods = [{"startPeriod": 0, "limit": 16.0}, {"startPeriod": 3600, "limit": 6.1}]
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}

    assert _asked(Version.V16, body)["chargingProfile"] == {
        "chargingProfileId": NUMBER,
        "chargingSchedule": schedule,
        **usual,
    }
    for version in (Version.V201, Version.V21):
        told = {"id": NUMBER, "chargingSchedule": [{"id": 1, **schedule}], **usual}
        assert _asked(version, body)["chargingProfile"] == told


@pytest.mark.parametrize("version", list(Version))
def test_all_that_a_profile_says_is_told(version: Version) -> None:
    schedule = ChargingSchedule(
        unit=ChargingSchedule.W,
        start_time=SIX,
        duration_seconds=86_400,
        min_rate=1380.04,
        periods=[Period(limit=11_000, phases=3)],
    )
    profile = ChargingProfile(
        id=7,
        stack_level=2,
        kind=ChargingProfile.RECURRING,
        recurrence=ChargingProfile.DAILY,
        valid_from=SIX,
        valid_to=timestamp(datetime(2026, 4, 1, tzinfo=UTC)),
        schedules=[schedule],
    )
    told = _asked(version, RemoteStart(id_tag="CARD", charging_profile=profile))["chargingProfile"]

    assert told.pop("chargingProfileId" if version is Version.V16 else "id") == 7
    schedules = told.pop("chargingSchedule")
    [one] = [schedules] if version is Version.V16 else schedules
    assert told == {
        "stackLevel": 2,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "validFrom": "2026-03-01T06:00:00.000Z",
        "validTo": "2026-04-01T00:00:00.000Z",
    }
    one.pop("id", None)
    assert one == {
        "chargingRateUnit": "W",
        "startSchedule": "2026-03-01T06:00:00.000Z",
        "duration": 86_400,
        # OCPP has one digit.
        "minChargingRate": 1380.0,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11_000.0, "numberPhases": 3}],
    }


def test_a_version_refuses_what_it_cannot_say() -> None:
    one_phase = ChargingSchedule(unit=ChargingSchedule.A, periods=[Period(limit=16, phases=1, phase_to_use=2)])
    for profile in (_profile(schedules=[*_profile().schedules] * 2), _profile(schedules=[one_phase])):
        body = RemoteStart(id_tag="CARD", charging_profile=profile)
        with pytest.raises(DomainError) as refused:
            _asked(Version.V16, body)
        assert refused.value.reason == "NOT_SUPPORTED_BY_CHARGE_POINT"
        _asked(Version.V201, body)


async def test_a_station_by_ocpp_2_is_told_the_group_of_the_card() -> None:
    platform, station = Platform(), context(Version.V201)
    platform.tokens["CARD"].group_id = "FLEET"

    completed = await with_group(RemoteStart(id_tag="card", connector_id=1), station, platform)

    assert _asked(Version.V201, completed)["groupIdToken"] == {"idToken": "FLEET", "type": "Central"}
    assert (completed.id_tag, completed.connector_id) == ("card", 1)
    # Whoever asks may say another one, or that of a token that no card has.
    for body in (RemoteStart(id_tag="card", group_id="OTHER"), RemoteStart(id_tag="card", token_type="Central")):
        assert await with_group(body, station, platform) == body


@pytest.mark.parametrize(
    ("group_id", "down", "version", "told"),
    [
        ("", False, Version.V201, False),
        ("G" * 37, False, Version.V201, False),
        ("G" * 37, False, Version.V21, True),
        ("FLEET", True, Version.V21, False),
    ],
)
async def test_a_start_goes_without_a_group_that_is_not_known_or_too_long(
    group_id: str, down: bool, version: Version, told: bool
) -> None:
    platform = Platform()
    platform.tokens["CARD"].group_id = group_id
    platform.down = {"authorize": unavailable("the driver service is away")} if down else {}
    completed = await with_group(RemoteStart(id_tag="CARD"), context(version), platform)
    assert ("groupIdToken" in _asked(version, completed)) == told
