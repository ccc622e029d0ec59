"""Refusals on their way to the station service: counted, bounded, none lost while it is away."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from csms.station.v1.connectivity_service_pb2 import RefusedHandshakes
from csms.station.v1.refusal_pb2 import Refusal
from ocpp_edge.admission.refusal import RefusalNote
from ocpp_edge.backend.refusals import RefusalReporter
from services.kernel.clock import FixedClock
from services.kernel.errors import DomainError, unavailable
from services.kernel.refusal import Rule

pytestmark = pytest.mark.field_case("B9")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Station:
    """Stores reports, unless it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.reports: list[list[RefusedHandshakes]] = []

    async def report(self, refusals: Sequence[RefusedHandshakes]) -> None:
        if self.is_away:
            raise unavailable("away")
        self.reports.append(list(refusals))

    @property
    def stored(self) -> list[RefusedHandshakes]:
        return [one for report in self.reports for one in report]


def note(
    identity: str = "CP1",
    rule: Rule = Rule.WRONG_PASSWORD,
    address: str = "10.0.0.1",
    reason: str = "wrong",
    guess: bytes = b"",
) -> RefusalNote:
    return RefusalNote(identity, rule, reason, address, ("ocpp1.6",), "/ocpp/CP1", guess)


async def test_refusals_are_counted_by_identity_rule_and_address() -> None:
    station, clock = Station(), FixedClock(NOW)
    reporter = RefusalReporter(station.report, clock)
    for second, guess in enumerate((b"a", b"b", b"b")):
        clock.advance(timedelta(seconds=min(second, 1)))
        reporter.note(note(guess=guess, reason=f"wrong {second}"))
    reporter.note(note(address="10.0.0.2"))
    reporter.note(note(rule=Rule.CREDENTIALS_MISSING))

    await reporter.flush()
    await reporter.flush()

    [stored] = station.reports
    assert [(one.remote_address, one.rule, one.count, one.guess_count) for one in stored] == [
        ("10.0.0.1", Refusal.WRONG_PASSWORD, 3, 2),
        ("10.0.0.2", Refusal.WRONG_PASSWORD, 1, 0),
        ("10.0.0.1", Refusal.CREDENTIALS_MISSING, 1, 0),
    ]
    first = stored[0]
    assert (first.detail, list(first.offered_protocols), first.path) == ("wrong 2", ["ocpp1.6"], "/ocpp/CP1")
    assert first.last_time.ToDatetime(UTC) - first.first_time.ToDatetime(UTC) == timedelta(seconds=2)
    assert not first.guess


async def test_what_cannot_be_told_waits_and_is_counted_on() -> None:
    station = Station()
    station.is_away = True
    reporter = RefusalReporter(station.report, FixedClock(NOW))
    reporter.note(note(guess=b"a"))
    with pytest.raises(DomainError):
        await reporter.flush()
    reporter.note(note(guess=b"b"))
    station.is_away = False

    await reporter.flush()

    assert [(one.count, one.guess_count) for one in station.stored] == [(2, 2)]


async def test_a_flood_of_unknown_identities_is_bounded() -> None:
    station = Station()
    reporter = RefusalReporter(station.report, FixedClock(NOW))
    for number in range(100_000):
        reporter.note(note(f"SCAN{number}", Rule.UNKNOWN_IDENTITY))
    await reporter.flush()
    assert len(station.stored) == 2_000
    assert max(map(len, station.reports)) <= 1_000


def test_every_rule_has_its_number_in_the_contract() -> None:
    assert {rule.value for rule in Rule} == set(Refusal.Rule.keys()) - {"RULE_UNSPECIFIED"}
