"""A run cut into processes, and its report."""

import pytest

from simulator.load.charger import Kind
from simulator.load.plan import LoadPlan, Target
from simulator.load.run import report
from simulator.load.tally import Tally


def _plan(connections: int = 10, processes: int = 3, rate: float = 100.0) -> LoadPlan:
    return LoadPlan(
        target=Target("ws://host:4000/ocpp"),
        connections=connections,
        seconds=2.0,
        mix="mixed",
        rate=rate,
        version="1.6",
        id_prefix="LOAD",
        id_tag=None,
        warmup_seconds=0.0,
        processes=processes,
        pids={},
    )


@pytest.mark.parametrize(("connections", "processes"), [(10, 3), (1, 4), (7, 7), (100, 1)])
def test_every_charger_is_in_exactly_one_share(connections: int, processes: int) -> None:
    plan = _plan(connections, processes)
    shares = plan.crowd.shares()
    assert [identity for share in shares for identity in share.identities] == plan.identities
    assert [share.first_number for share in shares] == [plan.identities.index(share.identities[0]) for share in shares]
    rates = [plan.window.part(share.fraction).rate for share in shares]
    assert sum(rates) == pytest.approx(plan.rate)


def test_ids_are_the_prefix_and_five_digits_and_the_card_is_the_id() -> None:
    plan = _plan(2)
    assert plan.identities == ["LOAD00001", "LOAD00002"]
    assert plan.tags == plan.identities


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://host:4000/ocpp", ("host", 4000)),
        ("ws://host/ocpp", ("host", 80)),
        ("wss://host", ("host", 443)),
        ("ws://[::1]:9/x", ("::1", 9)),
    ],
)
def test_a_url_has_an_address(url: str, address: tuple[str, int]) -> None:
    assert Target(url).address == address


def test_the_report_divides_cpu_by_the_messages_of_the_window() -> None:
    tally = Tally()
    for latency in (0.001, 0.002, 0.003, 0.004):
        tally.answered(Kind.METER_VALUES, latency)
    tally.answered(Kind.HEARTBEAT, 0.010)
    tally.errors["InternalError"] += 1
    document = report(
        _plan(), tally, {"edge": 0.5, "generator 1": 0.1}, {"edge": 1_000_000, "pg": 1}, {"edge": 1_102_400, "pg": 2}
    )
    assert (document["messages"], document["rate"]) == (5, 2.5)
    assert document["cpuUsPerMessage"] == {"edge": 100_000.0, "generator 1": 20_000.0}
    assert document["systemCpuUsPerMessage"] == 100_000.0
    assert document["edgeKiBPerConnection"] == 10.0
    assert document["latencyMs"]["max"] == 10.0
    assert document["byKind"]["metervalues"]["latencyMs"]["p50"] == 2.0
    assert document["errors"] == {"InternalError": 1}


def test_a_run_without_an_answer_has_no_figures_and_does_not_fail() -> None:
    document = report(_plan(), Tally(), {"edge": 0.5}, {}, {})
    assert document["cpuUsPerMessage"] == {"edge": None}
    assert document["latencyMs"]["p50"] is None
    assert document["edgeKiBPerConnection"] is None


def test_the_counts_of_processes_add_up() -> None:
    first, second = Tally(), Tally()
    first.answered(Kind.START, 0.001)
    second.answered(Kind.START, 0.002)
    second.answered(Kind.STOP, 0.003)
    second.refused["Blocked"] += 2
    first.add(second)
    assert first.messages == 3
    assert list(first.latencies_us[Kind.START]) == [1_000, 2_000]
    assert first.refused == {"Blocked": 2}
