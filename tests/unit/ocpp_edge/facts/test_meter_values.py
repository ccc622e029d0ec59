"""Sampled values as charge points of both versions send them, and the meter values they make."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.transaction.v1.transaction_pb2 import MeterValue
from ocpp_edge.facts import meter_values as meter_values_of_edge
from ocpp_edge.facts.device_clock import DeviceClock
from ocpp_edge.quirks import Forgiving
from ocpp_edge.v2 import samples as v201
from ocpp_edge.v16 import samples as v16
from tests.unit.ocpp_edge.platform import NOW

OCMF = "OCMF|" + '{"RD":[{"RV":1.5,"RU":"kWh"}]}' * 80
STAMP = "2026-03-01T11:59:00Z"


def read(version: Any, *sampled: dict[str, Any]) -> tuple[list[MeterValue], set[str]]:
    moment = DeviceClock().moment(STAMP, NOW)
    readings, flags = version.meter_values([{"timestamp": STAMP, "sampledValue": list(sampled)}], moment, Forgiving())
    return [MeterValue(**reading) for reading in readings], flags


def only(version: Any, *sampled: dict[str, Any]) -> tuple[MeterValue, set[str]]:
    (value,), flags = read(version, *sampled)
    return value, flags


def others(value: MeterValue) -> list[Any]:
    return list(orjson.loads(value.other_json)) if value.other_json else []


ENERGY = {"measurand": "Energy.Active.Import.Register"}
POWER = {"measurand": "Power.Active.Import"}
CURRENT = {"measurand": "Current.Import"}
VOLTAGE = {"measurand": "Voltage"}


@pytest.mark.parametrize(
    ("sampled", "field", "expected"),
    [
        ({"value": "1234"}, "energy_wh", 1234),
        ({"value": "1234", "unit": "Wh", **ENERGY}, "energy_wh", 1234),
        ({"value": "1.234", "unit": "kWh", **ENERGY}, "energy_wh", 1234),
        ({"value": "0.30002999999999996", "unit": "kWh", **ENERGY}, "energy_wh", 300),
        ({"value": " 12,5 ", "unit": "kWh"}, "energy_wh", 12500),
        ({"value": "1.2E3", "unit": "Wh"}, "energy_wh", 1200),
        ({"value": "0"}, "energy_wh", 0),
        ({"value": "7.4", "unit": "kW", **POWER}, "power_w", 7400),
        ({"value": "7400", **POWER}, "power_w", 7400),
        ({"value": "11000.4", "unit": "W", "measurand": "Power.Offered"}, "power_offered_w", 11000),
        ({"value": "16.05", "unit": "A", **CURRENT}, "current_ma", 16050),
        ({"value": "15.9", "phase": "L1", **CURRENT}, "current_ma", 15900),
        ({"value": "229.7", "unit": "V", "phase": "L1-N", **VOLTAGE}, "voltage_mv", 229700),
        ({"value": "45.6", "unit": "Percent", "measurand": "SoC", "location": "EV"}, "soc_percent", 46),
    ],
)
def test_a_single_value_of_ocpp_1_6_makes_its_field(sampled: dict[str, Any], field: str, expected: int) -> None:
    value, flags = only(v16, sampled)
    assert getattr(value, field) == expected
    assert value.HasField(field)  # type: ignore[arg-type]
    assert (value.other_json, flags) == ("", set())
    assert value.context == "Sample.Periodic"
    assert value.sampled_time.ToJsonString() == STAMP


@pytest.mark.parametrize(
    ("sampled", "field", "expected"),
    [
        ({"value": 1234}, "energy_wh", 1234),
        ({"value": 0.30002999999999996, "unitOfMeasure": {"unit": "kWh"}}, "energy_wh", 300),
        ({"value": 12.345, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}, "energy_wh", 12345),
        ({"value": 1e21, "unitOfMeasure": {"unit": "Wh", "multiplier": -18}}, "energy_wh", 1000),
        ({"value": 7.4, "unitOfMeasure": {"unit": "kW"}, **POWER}, "power_w", 7400),
        ({"value": 7400.0, **POWER}, "power_w", 7400),
        ({"value": 16, "unitOfMeasure": {"unit": "A"}, **CURRENT}, "current_ma", 16000),
        ({"value": 50, "measurand": "SoC", "unitOfMeasure": {"unit": "Percent"}}, "soc_percent", 50),
    ],
)
def test_a_single_value_of_ocpp_2_0_1_makes_its_field(sampled: dict[str, Any], field: str, expected: int) -> None:
    value, flags = only(v201, sampled)
    assert getattr(value, field) == expected
    assert (value.other_json, flags) == ("", set())


@pytest.mark.parametrize("unit", ["KWH", "kwh", "Kwh", " kWh", "k Wh"])
def test_units_are_understood_as_they_are_misspelled(unit: str) -> None:
    for version, sampled in (
        (v16, {"value": "1.5", "unit": unit}),
        (v201, {"value": 1.5, "unitOfMeasure": {"unit": unit}}),
    ):
        value, flags = only(version, sampled)
        assert (value.energy_wh, flags) == (1500, {"unit_respelled"})


@pytest.mark.field_case("A2")
@pytest.mark.parametrize(
    ("sampled", "field", "expected"),
    [
        ({"value": "1500 Wh"}, "energy_wh", 1500),
        ({"value": " 1,5kWh ", "unit": "Wh", **ENERGY}, "energy_wh", 1500),
        ({"value": "7.4 kW", **POWER}, "power_w", 7400),
        ({"value": "16A", "unit": "A", **CURRENT}, "current_ma", 16000),
    ],
)
def test_a_value_with_its_unit_behind_it_is_of_that_unit(sampled: dict[str, Any], field: str, expected: int) -> None:
    value, flags = only(v16, sampled)
    assert (getattr(value, field), flags) == (expected, {"unit_respelled"})


@pytest.mark.field_case("A3", "A13")
@pytest.mark.parametrize("multiplier", [-999_999_999, -20, 16, 999_999_999])
def test_a_multiplier_that_nothing_is_measured_by_leaves_no_value(multiplier: int) -> None:
    """Not a register of nothing."""
    value, flags = only(v201, {"value": 3000, **ENERGY, "unitOfMeasure": {"unit": "Wh", "multiplier": multiplier}})
    assert flags == {"implausible_value"}
    assert not value.HasField("energy_wh")


@pytest.mark.parametrize(
    ("sampled", "flag"),
    [
        ({"value": "1500 furlong", "unit": "Wh", **ENERGY}, "unreadable_value"),
        ({"value": "1500 furlong", **ENERGY}, "unreadable_value"),
        ({"value": "1.5", "unit": "furlong", **ENERGY}, "unknown_unit"),
        ({"value": "1.5", "unit": "kWh", **POWER}, "unknown_unit"),
        ({"value": "n/a", **ENERGY}, "unreadable_value"),
        ({"value": "", **ENERGY}, "unreadable_value"),
        ({"value": "NaN", **ENERGY}, "unreadable_value"),
        ({"value": "1e99", **ENERGY}, "implausible_value"),
        ({"value": OCMF}, "unreadable_value"),
        ({"value": "160", "unit": "Percent", "measurand": "SoC"}, "implausible_value"),
        ({"value": "-3", "measurand": "SoC"}, "implausible_value"),
    ],
)
def test_what_cannot_be_read_is_kept_as_it_came_and_doubted(sampled: dict[str, Any], flag: str) -> None:
    value, flags = only(v16, sampled)
    assert flags == {flag}
    assert others(value) == [sampled]
    assert not value.HasField("energy_wh")
    assert not value.HasField("soc_percent")


@pytest.mark.parametrize(
    "sampled",
    [
        {"value": "50.01", "unit": "Hertz", "measurand": "Frequency"},
        {"value": "12", "unit": "Wh", "measurand": "Energy.Active.Import.Interval"},
        {"value": "12", "unit": "Wh", "measurand": "Energy.Active.Export.Register"},
        {"value": "32", "unit": "A", "measurand": "Current.Offered"},
        {"value": "0.1", "phase": "N", **CURRENT},
        {"value": "400", "phase": "L1-L2", **VOLTAGE},
    ],
)
def test_what_has_no_field_is_kept_as_it_came(sampled: dict[str, Any]) -> None:
    value, flags = only(v16, sampled)
    assert (others(value), flags) == ([sampled], set())


def phases(values: dict[str, str], **common: str) -> list[dict[str, Any]]:
    return [{"value": value, **({"phase": phase} if phase else {}), **common} for phase, value in values.items()]


@pytest.mark.parametrize(
    ("sampled", "field", "expected"),
    [
        (phases({"L1": "0.3333", "L2": "0.3333", "L3": "0.4334"}, unit="kWh", **ENERGY), "energy_wh", 1099),
        (phases({"L1": "100", "L2": "200"}, unit="Wh", **ENERGY), "energy_wh", 300),
        (phases({"L1-N": "1.1", "L2-N": "1.2", "L3-N": "1.3"}, unit="kW", **POWER), "power_w", 3600),
        (phases({"L1": "10", "L2": "16.2", "L3": "9", "N": "30"}, unit="A", **CURRENT), "current_ma", 16200),
        (phases({"": "35", "L1": "10", "L2": "16.2"}, unit="A", **CURRENT), "current_ma", 16200),
        (phases({"L2-N": "231", "L1-N": "229"}, unit="V", **VOLTAGE), "voltage_mv", 229000),
    ],
)
def test_phases_are_folded_where_only_phases_come(sampled: list[dict[str, Any]], field: str, expected: int) -> None:
    value, flags = only(v16, *sampled)
    assert (getattr(value, field), flags) == (expected, set())


def test_the_total_counts_where_it_comes_with_its_phases() -> None:
    sampled = phases({"L1": "100", "L2": "100", "": "201", "L3": "100"}, **ENERGY)
    value, _ = only(v16, *sampled)
    assert value.energy_wh == 201
    assert [one["phase"] for one in others(value)] == ["L1", "L2", "L3"]


def test_of_two_registers_in_one_sample_the_one_of_the_meters_life_counts() -> None:
    session, life = {"value": "1500", **ENERGY}, {"value": "8001500", **ENERGY}
    for sampled in ((session, life), (life, session)):
        value, _ = only(v16, *sampled)
        assert value.energy_wh == 8001500
        assert others(value) == list(sampled)


def test_the_outlet_counts_where_the_inlet_is_metered_too() -> None:
    inlet, outlet = {"value": "2000", "location": "Inlet"}, {"value": "1500", "location": "Outlet"}
    value, _ = only(v16, inlet, outlet)
    assert value.energy_wh == 1500
    assert others(value) == [inlet]


def test_signed_data_of_ocpp_1_6_is_kept_whole_and_not_doubted() -> None:
    signed = {"value": OCMF, "format": "SignedData", "context": "Transaction.End"}
    value, flags = only(v16, {"value": "1500", "context": "Transaction.End"}, signed)
    assert (value.energy_wh, flags, others(value)) == (1500, set(), [signed])


def test_signed_data_of_ocpp_2_0_1_is_kept_whole_beside_its_value() -> None:
    proof = {"signedMeterData": "A" * 2500, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    sampled = {"value": 1500, "signedMeterValue": proof}
    value, flags = only(v201, sampled)
    assert (value.energy_wh, flags, others(value)) == (1500, set(), [sampled])


def test_each_context_in_an_entry_makes_its_own_value() -> None:
    values, _ = read(
        v16, {"value": "10", "context": "Transaction.Begin"}, {"value": "20", "context": "Transaction.End"}
    )
    assert [(value.context, value.energy_wh) for value in values] == [
        ("Transaction.Begin", 10),
        ("Transaction.End", 20),
    ]


def test_an_entry_without_samples_says_nothing() -> None:
    assert read(v16) == ([], set())


def test_every_entry_keeps_its_time() -> None:
    entries = [{"timestamp": f"2026-03-01T11:5{minute}:00Z", "sampledValue": [{"value": "1"}]} for minute in range(3)]
    readings, _ = v16.meter_values(entries, DeviceClock().moment(STAMP, NOW), Forgiving())
    assert [MeterValue(**reading).sampled_time.ToJsonString() for reading in readings] == [
        entry["timestamp"] for entry in entries
    ]


# What plain samples are made of, and what makes them not plain: both ways must agree on all of it.
_NUMBERS = st.one_of(
    st.integers(-5, 10**20).map(str),
    st.decimals(-10, 10**6, places=3).map(str),
    st.floats(0, 1e6).map(repr),
    st.sampled_from(["", "42", "101", " 7", "7.", ".5", "1e3", "n/a", "-0", "+1", "٣", "1_000", "9" * 19]),
)
_SAMPLES = st.lists(
    st.fixed_dictionaries(
        {"value": _NUMBERS},
        optional={
            "measurand": st.sampled_from([*meter_values_of_edge.MEASURANDS, "Frequency", ""]),
            "unit": st.sampled_from(["Wh", "kWh", "W", "kW", "A", "V", "Percent", "wh", "Celsius", ""]),
            "context": st.sampled_from(["Sample.Periodic", "Sample.Clock", "Transaction.Begin", ""]),
            "phase": st.sampled_from(["L1", "N"]),
            "location": st.sampled_from(["Outlet", "EV"]),
            "format": st.sampled_from(["Raw", "SignedData"]),
        },
    ),
    min_size=1,
    max_size=4,
)


@given(_SAMPLES)
def test_the_short_way_for_plain_samples_gives_what_the_long_one_does(sampled: list[dict[str, Any]]) -> None:
    moment = DeviceClock().moment(STAMP, NOW)
    time = moment.time_of_sample(STAMP)
    for version, samples in ((v16, sampled), (v201, [_of_201(sample) for sample in sampled])):
        short = meter_values_of_edge.read_plain(samples, time, version._plain)
        if short is not None:
            flags: set[str] = set()
            (long,) = meter_values_of_edge.read_any(
                [version._sample(sample, Forgiving()) for sample in samples], time, flags, Forgiving()
            )
            assert (MeterValue(**short), set()) == (MeterValue(**long), flags)


def _of_201(sample: dict[str, Any]) -> dict[str, Any]:
    given = {name: part for name, part in sample.items() if name not in ("unit", "format")}
    return given | ({"unitOfMeasure": {"unit": sample["unit"]}} if "unit" in sample else {})


@pytest.mark.parametrize("version", [v16, v201])
def test_what_most_charge_points_send_goes_the_short_way(version: Any) -> None:
    sampled = [
        {"value": "1234", **ENERGY},
        {"value": "11000", **POWER},
        {"value": "15.942", "location": "Outlet", **CURRENT},
        {"value": "230.0", **VOLTAGE},
        {"value": "42", "measurand": "SoC", "location": "EV"},
    ]
    assert meter_values_of_edge.read_plain(sampled, NOW, version._plain) is not None
