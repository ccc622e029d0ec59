"""The device model of a 2.0.1 station."""

from simulator.configuration import Role
from simulator.profile import StationProfile
from simulator.v201.device_model import Key, device_model, report_entry
from simulator.v201.standard_variables import STANDARD


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


def test_there_are_200_variables_and_each_admits_the_value_that_it_has() -> None:
    model = device_model(StationProfile())
    settings = {key: model.find(key) for key in model}
    assert len(settings) >= 200
    odd = [key for key, one in settings.items() if one is None or (one.value and not one.admits(one.value))]
    assert odd == []


def test_what_is_standard_is_named_once_and_takes_no_place_of_what_steers() -> None:
    names = [(one.place, one.component.lower(), one.name.lower(), one.instance) for one in STANDARD]
    assert len(set(names)) == len(names)
    model = device_model(StationProfile(connectors=1))
    assert model.find(Key("OCPPCommCtrlr", "HeartbeatInterval")) is not None
    assert sum(key.component == "RCD" for key in model) == 1


def test_a_report_tells_what_is_constant_and_what_a_restart_forgets() -> None:
    model = device_model(StationProfile())

    def attribute(*name: str, **place: int) -> dict[str, object]:
        key = Key(*name, **place)  # type: ignore[arg-type]  # names are texts, places numbers
        setting = model.find(key)
        assert setting is not None
        [told] = report_entry(key, setting)["variable_attribute"]
        return dict(told)

    assert attribute("EVSE", "EvseId", evse_id=2) == {
        "value": "NL*CSM*E0001",
        "mutability": "ReadOnly",
        "constant": True,
    }
    assert attribute("EnvironmentalLighting", "Enabled") == {
        "value": "true",
        "mutability": "ReadWrite",
        "persistent": False,
    }
    assert attribute("Display", "Language") == {"value": "en", "mutability": "ReadWrite"}
