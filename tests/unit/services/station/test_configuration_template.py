"""services.station.domain.configuration_template: which template counts, and what differs from it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.errors import DomainError
from services.station.domain.charge_point import ChargePoint
from services.station.domain.configuration_template import (
    ConfigurationTemplate,
    DriftState,
    TemplateSetting,
    desired,
    drift_of,
    is_same,
    key_setting,
    replaced,
    validated,
)
from services.station.domain.device_variable import (
    AttributeType,
    Description,
    DeviceVariable,
    Mutability,
    Place,
    Telling,
    variable_id,
)
from tests.unit.services.station.samples import CHARGE_POINT, NOW, fields_of

POINT = CHARGE_POINT._replace(reported_vendor="ACME", model="Wall", firmware_version="2.1", protocol="ocpp2.0.1")
INTERVAL = Place("OCPPCommCtrlr", "", 0, 0, "HeartbeatInterval", "", AttributeType.ACTUAL)

OTHER_CASE, BRACKET = INTERVAL._replace(component="OCPPCOMMCTRLR"), INTERVAL._replace(variable_instance="]")


def setting(value: str = "300", place: Place = INTERVAL) -> TemplateSetting:
    return TemplateSetting(place, value)


def template(*settings: TemplateSetting, at: float = 0, **fields: Any) -> ConfigurationTemplate:
    time = NOW + timedelta(seconds=at)
    usual: dict[str, Any] = {"id": f"template at {at}", "name": "T", "tenant_id": POINT.tenant_id}
    return ConfigurationTemplate(**{**usual, **fields}, settings=settings, create_time=time, update_time=time)


def known(value: str | None, place: Place = INTERVAL, **fields: Any) -> dict[str, DeviceVariable]:
    name = variable_id(POINT.id, place)
    usual: dict[str, Any] = {"value_telling": Telling(NOW, NOW, "e"), "changed_time": NOW}
    variable = DeviceVariable(
        id=name,
        charge_point_id=POINT.id,
        place=place,
        first_seen_time=NOW,
        reported_time=NOW,
        value=value,
        **{**usual, **fields},
    )
    return {name: variable}


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"vendor": "acme"}, True),
        ({"vendor": "ACME", "model": "WALL", "firmware_version": "2.1"}, True),
        ({"vendor": "other"}, False),
        ({"model": "Wal"}, False),
        ({"firmware_version": "2.10"}, False),
        ({"tenant_id": "somebody"}, False),
    ],
)
def test_a_template_is_for_what_it_names(fields: dict[str, Any], matches: bool) -> None:
    assert template(setting(), **fields).is_for(POINT) is matches


def test_of_several_the_one_that_says_more_counts_for_each_setting() -> None:
    other = INTERVAL._replace(variable="MessageTimeout", variable_instance="Default")
    templates = [
        template(setting("1"), setting("a", other), vendor="acme", at=9),
        template(setting("2"), model="wall", at=5),
        template(setting("3"), model="Wall", at=4),
        template(setting("4"), firmware_version="9", at=8),
    ]
    for order in (templates, templates[::-1]):
        assert {one.call_key: one.value for _, one in desired(order, POINT)} == {
            "OCPPCommCtrlr.HeartbeatInterval": "2",
            "OCPPCommCtrlr.MessageTimeout[Default]": "a",
        }


@pytest.mark.parametrize(
    ("protocol", "keys"),
    [("ocpp1.6", ["wifi.x"]), ("ocpp2.0.1", ["EVSE[a].Power[b]#2.1"]), ("ocpp2.1", ["EVSE[a].Power[b]#2.1"]), ("", [])],
)
def test_each_version_has_settings_of_its_own(protocol: str, keys: list[str]) -> None:
    both = template(
        key_setting("wifi.x", "1"), setting("1", Place("EVSE", "a", 2, 1, "Power", "b", AttributeType.ACTUAL))
    )
    assert [one.call_key for _, one in desired([both], POINT._replace(protocol=protocol))] == keys


@pytest.mark.parametrize(
    ("variables", "state"),
    [
        ({}, DriftState.NOT_REPORTED),
        (known("300"), DriftState.AS_DESIRED),
        (known("60"), DriftState.DIFFERENT),
        (known(None), DriftState.DIFFERENT),
        (known(None, value_telling=None), DriftState.NOT_REPORTED),
        (known("300", absent_time=NOW + timedelta(seconds=1)), DriftState.NOT_THERE),
        (known("60", description=Description(mutability=Mutability.WRITE_ONLY)), DriftState.WRITE_ONLY),
        # However it is written.
        (known("300", INTERVAL._replace(component="ocppcommctrlr")), DriftState.AS_DESIRED),
    ],
)
def test_a_setting_is_compared_with_what_was_told(variables: dict[str, DeviceVariable], state: DriftState) -> None:
    drift = drift_of(POINT, [template(setting())], variables)
    assert [one.state for one in drift.settings] == [state]
    assert drift.drifting == (state in (DriftState.DIFFERENT, DriftState.NOT_THERE))
    assert drift.is_to_be_set == (state in (DriftState.DIFFERENT, DriftState.NOT_REPORTED))


@pytest.mark.parametrize(
    ("wanted", "actual", "data_type", "same"),
    [
        ("true", "True", "boolean", True),
        ("TRUE", "true", "", True),
        ("true", "1", "", False),
        ("60", "60.0", "integer", True),
        ("60", "60.0", "", False),
        ("60", "", "decimal", False),
        ("a,b", "b, a", "MemberList", True),
        ("a,b", "b,a", "SequenceList", False),
        ("a,b", "a, b", "SequenceList", True),
        ("a,b", "a, b", "", True),
        ("a,b", "b,a", "", False),
        ("Abc", "abc", "string", False),
    ],
)
def test_what_means_the_same_is_no_drift(wanted: str, actual: str, data_type: str, same: bool) -> None:
    assert is_same(wanted, actual, data_type) is same


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, ["template.name"]),
        ({"vendor": "v" * 201}, ["template.vendor"]),
        ({"settings": ()}, ["template.settings"]),
        (
            {"settings": (setting(), setting("9", INTERVAL._replace(component="OCPPCOMMCTRLR")))},
            ["template.settings[1]"],
        ),
        ({"settings": (setting("x" * 2501),)}, ["template.settings[0].value"]),
        ({"settings": (setting("1", INTERVAL._replace(component="a.b")),)}, ["template.settings[0].component.name"]),
        ({"settings": (setting("1", INTERVAL._replace(connector_id=1)),)}, ["template.settings[0].component.evseId"]),
        (
            {"settings": (setting("1", INTERVAL._replace(variable_instance="]")),)},
            ["template.settings[0].variable.instance"],
        ),
        ({"settings": (setting("1", INTERVAL._replace(variable="v" * 101)),)}, ["template.settings[0]"]),
        ({"settings": (key_setting("AuthorizationKey", "0123456789abcdef"),)}, ["template.settings[0].value"]),
        ({"settings": (key_setting("Url", "ftp://me:secret@host"),)}, ["template.settings[0].value"]),
        ({"settings": (key_setting("k" * 102, "1"),)}, ["template.settings[0].key"]),
    ],
)
def test_what_is_no_template_is_refused_by_its_field(fields: dict[str, Any], wrong: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(template(setting()), **fields))
    assert fields_of(refused.value) == wrong


def test_a_change_keeps_whose_it_is_and_minds_others() -> None:
    before = template(setting())
    after = replaced(before, template(setting("9"), at=5, id="", tenant_id="x"), "1")
    assert (after.id, after.create_time, after.tenant_id) == (before.id, before.create_time, before.tenant_id)
    assert (after.revision, after.settings[0].value) == (2, "9")
    with pytest.raises(DomainError) as refused:
        replaced(after, after, "1")
    assert refused.value.reason == "ETAG_MISMATCH"


def test_a_charge_point_that_nobody_speaks_of_drifts_in_nothing() -> None:
    point: ChargePoint = POINT._replace(reported_vendor="other")
    assert drift_of(point, [template(setting(), vendor="ACME")], {}).settings == []
