"""Misbehaviours: each is named, explained and placed, and dealt out so that each version shows those that it can."""

from collections import Counter

import pytest

from simulator import cli
from simulator.dialects import DIALECTS
from simulator.fleet import FleetReport, Standing
from simulator.fleet_view import line, summary
from simulator.lies.catalogue import LIES
from simulator.misbehaviours.catalogue import MISBEHAVIOURS
from simulator.misbehaviours.misbehaviour import deal

_EVERY = list(MISBEHAVIOURS.values())


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_each_has_one_sentence_a_source_and_a_way_to_happen(name: str) -> None:
    one = MISBEHAVIOURS[name]
    assert one.about[:1].isupper()
    assert not one.about.endswith(".")
    assert one.source.startswith(("field", "OCPP", "RFC"))
    assert set(one.protocols) <= set(DIALECTS)
    assert sum(each is not None for each in (one.lie, one.distort, one.prepare, one.live)) == 1


def test_there_are_thirty_and_every_lie_is_one() -> None:
    assert len(MISBEHAVIOURS) >= 30
    assert set(LIES) <= set(MISBEHAVIOURS)


def test_200_charge_points_show_each_in_each_version_that_can() -> None:
    protocols = [("1.6", "2.0.1", "2.1")[number % 3] for number in range(200)]
    dealt = deal(_EVERY, 0.75, protocols)
    assert len(dealt) == pytest.approx(150, abs=2)
    seen = Counter((one.name, protocols[number]) for number, one in dealt.items())
    assert set(seen) == {(one.name, protocol) for one in _EVERY for protocol in one.protocols}


def test_nobody_misbehaves_unless_told_to_and_never_in_another_version() -> None:
    assert deal([], 1.0, ["1.6"] * 5) == {}
    assert deal(_EVERY, 0.0, ["1.6"] * 5) == {}
    assert deal([MISBEHAVIOURS["seq-no-zero"]], 1.0, ["1.6", "2.1", "1.6"]) == {1: MISBEHAVIOURS["seq-no-zero"]}


def test_they_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--list-misbehaviours"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MISBEHAVIOURS)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--fleet", "0"], "whole number from 1"),
        (["--fleet", "3", "--versions", "1.6,1.5"], "1.5 is not one of"),
        (["--fleet=3", "--misbehave", "nonsense"], "nonsense is none of"),
        (["--fleet", "3", "--minutes", "-1"], "number of minutes"),
    ],
)
def test_a_bad_command_line_is_refused_by_its_part(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(words)
    assert refused.value.code == 2
    assert reason in capsys.readouterr().err


def test_how_a_fleet_stands_fits_into_a_line() -> None:
    standing = Standing("2.1", 5, connected=4, charging=3, messages=1234, errors=1, misbehaviours=20)
    assert line([standing], 61) == ("01:01 2.1: 4/5 connected, 3 charging, 1,234 messages, 1 errors, 20 misbehaviours")


def test_the_summary_names_each_misbehaviour_how_often_it_was_seen() -> None:
    report = FleetReport(2, 3, 4, 50, 6, {}, 7, 0, {}, {"silent": 9})
    lines = summary(report, {"silent": "Commands are never answered"})
    assert "4 sessions, 50 messages acknowledged, 6 refused, 7 left unsent" in lines[0]
    assert lines[-1].split() == ["9", "silent", "Commands", "are", "never", "answered"]
