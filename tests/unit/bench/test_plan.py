"""What a command line asks for, and whose CPU counts as the path of a message."""

from dataclasses import replace

import pytest

from bench.command import parser, sizes_of
from bench.fleet import compared
from bench.plan import (
    CLASSES,
    DATABASE_OF,
    FLEET,
    NAIVE,
    QUICK,
    SECTIONS,
    Sizes,
    followers_us,
    path_us,
    planned_classes,
)
from simulator.load.charger import MIXES
from simulator.load.dialects import LOAD_DIALECTS

_CPU = {
    "edge": 30.0,
    "transaction": 10.0,
    "billing": 7.0,
    "nats": 3.0,
    "envoy": 20.0,
    "postgres": 1.0,
    "postgres charge_points": 14.0,
    "postgres billing": 5.0,
    "postgres naive": 9.0,
    "naive edge": 100.0,
    "naive service": 200.0,
    "generator 1": 25.0,
}


def _sizes(*words: str) -> Sizes:
    return sizes_of(parser().parse_args(words))


def test_every_class_has_a_mix_and_a_dialect_of_the_generator() -> None:
    for each in CLASSES:
        assert each.mix in MIXES
        assert each.version in LOAD_DIALECTS
        assert not each.service or each.service in DATABASE_OF


def test_without_options_everything_is_measured_in_five_rounds() -> None:
    sizes = _sizes()
    assert sizes == Sizes()
    assert (sizes.rounds, sizes.sections, planned_classes(sizes)) == (5, SECTIONS, list(CLASSES))


def test_quick_measures_everything_in_one_short_round() -> None:
    assert _sizes("--quick") == QUICK
    assert QUICK.sections == SECTIONS
    assert planned_classes(QUICK) == list(CLASSES)


def test_only_classes_are_traffic() -> None:
    sizes = _sizes("--only", "starts,heartbeat", "--rounds", "2")
    assert [each.name for each in planned_classes(sizes)] == ["heartbeat", "starts"]
    assert (sizes.sections, sizes.rounds) == (("traffic",), 2)


def test_only_some_rows_are_the_fleet() -> None:
    sizes = _sizes("--only", "rest,lone,boot")
    assert (sizes.sections, sizes.classes) == (("fleet", "traffic"), ("boot",))
    assert sizes.fleet == ("rest", "lone-metervalues", "lone-starts")
    assert _sizes("--only", "fleet").fleet == FLEET
    assert _sizes("--only", "starts").sections == ("traffic",)


def test_the_fleet_is_measured_as_a_comparison_measures_it() -> None:
    sizes = compared(replace(Sizes(), idle=20_000, fleet=("rest", "session")))
    assert (sizes.idle, sizes.connections, sizes.fresh_rows, sizes.rows_in_use) == (1_000, 400, ("rest",), ("session",))


def test_only_sections_and_classes_go_together() -> None:
    sizes = _sizes("--only", "growth,boot")
    assert sizes.sections == ("traffic", "growth")
    assert sizes.classes == ("boot",)
    assert _sizes("--only", "storm").sections == ("storm",)


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _sizes("--only", "nothing")
    assert "'nothing' is none of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sections", "registered"),
    [(("traffic",), 400), (("storm",), 10_000), (("connections",), 15_000), (("growth",), 15_000)],
)
def test_as_many_chargers_are_registered_as_the_largest_crowd_has(sections: tuple[str, ...], registered: int) -> None:
    assert replace(Sizes(), sections=sections).registered("1.6") == registered


@pytest.mark.parametrize(
    ("sections", "classes", "registered"),
    [(("traffic",), ("transaction",), 400), (("traffic",), ("boot",), 0), (("connections",), ("boot",), 100)],
)
def test_chargers_of_the_other_version_are_registered_for_its_messages_and_as_probers(
    sections: tuple[str, ...], classes: tuple[str, ...], registered: int
) -> None:
    assert replace(Sizes(), sections=sections, classes=classes).registered("2.0.1") == registered


def test_the_path_is_edge_owning_service_and_its_part_of_postgresql() -> None:
    assert path_us(_CPU, "transaction") == 30 + 10 + 1 + 14
    assert path_us(_CPU, "") == 30
    assert path_us(_CPU, NAIVE) == 100 + 200 + 1 + 9


def test_followers_are_all_others_but_envoy_generator_and_the_naive_server() -> None:
    assert followers_us(_CPU, "transaction") == 7 + 3 + 5
