"""The device model of a 2.0.1 station."""

from simulator.configuration import Role
from simulator.profile import StationProfile
from simulator.v201.device_model import Key, device_model, report_entry


def test_names_are_found_without_regard_to_case() -> None:
    model = device_model(StationProfile())
    assert model.find(Key("ocppcommctrlr", "HEARTBEATINTERVAL")) is not None
    assert model.find(Key("OCPPCommCtrlr", "MessageAttempts", "transactionevent")) is not None
    assert model.find(Key("OCPPCommCtrlr", "MessageAttempts")) is None


def test_every_role_has_its_variable() -> None:
    model = device_model(StationProfile())
    for role in Role:
        assert model.text(role) is not None


def test_hardware_stands_under_its_evse() -> None:
    model = device_model(StationProfile(connectors=3, power_w=22_000))
    power = model.find(Key("EVSE", "Power", evse_id=3))
    assert power is not None
    assert (power.value, power.unit) == ("22000", "W")
    assert model.find(Key("EVSE", "Power", evse_id=4)) is None


def test_a_secret_is_reported_without_its_value() -> None:
    model = device_model(StationProfile())
    key = Key("SecurityCtrlr", "BasicAuthPassword")
    setting = model.find(key)
    assert setting is not None
    assert report_entry(key, setting)["variable_attribute"] == [{"mutability": "WriteOnly"}]
