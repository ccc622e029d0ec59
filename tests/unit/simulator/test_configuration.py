"""Settings: their rules, and who may change what."""

import asyncio

import pytest

from simulator.configuration import ConfigurationStore, Kind, Role, Setting, Write


def _store() -> ConfigurationStore[str]:
    settings = {
        "Interval": Setting("60", Kind.INTEGER, minimum=0, maximum=86_400),
        "Fixed": Setting("2", Kind.INTEGER, writable=False),
        "Measurands": Setting("A,B", Kind.MEMBERS, choices=("A", "B", "C")),
        "Mode": Setting("x", Kind.CHOICE, choices=("x", "y")),
        "Switch": Setting("true", Kind.BOOLEAN),
        "Name": Setting("n", maximum=5, needs_reboot=True),
    }
    return ConfigurationStore(settings, {Role.SAMPLE_INTERVAL: "Interval", Role.SAMPLED_MEASURANDS: "Measurands"})


@pytest.mark.parametrize(
    ("key", "value", "outcome"),
    [
        ("Interval", "30", Write.ACCEPTED),
        ("Interval", "-1", Write.REJECTED),
        ("Interval", "86401", Write.REJECTED),
        ("Interval", "soon", Write.REJECTED),
        ("Interval", "", Write.REJECTED),
        ("Fixed", "3", Write.READ_ONLY),
        ("Measurands", "C, A", Write.ACCEPTED),
        ("Measurands", "A,D", Write.REJECTED),
        ("Mode", "y", Write.ACCEPTED),
        ("Mode", "z", Write.REJECTED),
        ("Switch", "False", Write.ACCEPTED),
        ("Switch", "yes", Write.REJECTED),
        ("Name", "short", Write.REBOOT_REQUIRED),
        ("Name", "longer", Write.REJECTED),
        ("Nothing", "1", Write.UNKNOWN),
    ],
)
def test_a_write_is_judged_by_the_rules_of_the_setting(key: str, value: str, outcome: Write) -> None:
    store = _store()
    before = store.find(key)
    old = before and before.value
    assert store.write(key, value) is outcome
    after = store.find(key)
    # What needs a restart counts from then on.
    assert (after and after.value) == (value if outcome is Write.ACCEPTED else old)


def test_roles_read_the_setting_that_plays_them() -> None:
    store = _store()
    store.write("Interval", "15")
    store.write("Measurands", "C, A")
    assert store.integer(Role.SAMPLE_INTERVAL) == 15
    assert store.members(Role.SAMPLED_MEASURANDS) == ("C", "A")
    assert store.plays("Interval", Role.SAMPLE_INTERVAL)
    assert not store.plays("Mode", Role.SAMPLE_INTERVAL)


def test_the_charge_point_itself_cannot_assign_nonsense() -> None:
    with pytest.raises(ValueError, match="Interval"):
        _store().assign(Role.SAMPLE_INTERVAL, "never")


async def test_whoever_waits_for_a_change_is_told() -> None:
    store = _store()
    waiting = asyncio.create_task(store.changed())
    await asyncio.sleep(0)
    store.write("Mode", "z")
    await asyncio.sleep(0)
    assert not waiting.done()
    store.write("Mode", "y")
    await waiting


def test_a_restart_brings_what_waited_for_it_and_forgets_what_does_not_last() -> None:
    store: ConfigurationStore[str] = ConfigurationStore(
        {
            "Timeout": Setting("30", Kind.INTEGER, minimum=1, needs_reboot=True),
            "Light": Setting("true", Kind.BOOLEAN, is_persistent=False),
            "Name": Setting("a"),
        },
        {},
    )
    assert store.write("Timeout", "60") is Write.REBOOT_REQUIRED
    assert store.write("Timeout", "0") is Write.REJECTED
    assert (store.write("Light", "false"), store.write("Name", "b")) == (Write.ACCEPTED, Write.ACCEPTED)
    assert [_value(store, key) for key in ("Timeout", "Light", "Name")] == ["30", "false", "b"]
    store.restart()
    assert [_value(store, key) for key in ("Timeout", "Light", "Name")] == ["60", "true", "b"]


def _value(store: ConfigurationStore[str], key: str) -> str:
    setting = store.find(key)
    assert setting is not None
    return setting.value


@pytest.mark.parametrize(("value", "is_admitted"), [("-65.5", True), ("-121", False), ("nan", False), ("x", False)])
def test_a_decimal_keeps_to_its_limits(value: str, is_admitted: bool) -> None:
    assert Setting("0", Kind.DECIMAL, minimum=-120, maximum=0).admits(value) is is_admitted
