"""services.station.domain.connection"""

from datetime import timedelta

import pytest

from services.kernel.errors import DomainError
from services.station.domain.connection import ConnectionAttempt, Newest, holds, lease_of, numbered
from tests.unit.services.station.samples import fields_of


@pytest.mark.parametrize(
    ("newest", "is_held"),
    [
        (Newest(5, True), True),
        (Newest(5, False), False),
        (Newest(6, True), False),
        (Newest(4, True), False),
        (None, False),
    ],
)
def test_only_the_newest_connection_holds_and_only_while_it_is_open(newest: Newest | None, is_held: bool) -> None:
    assert holds(newest, 5) is is_held


def _attempt(name: str, node: str) -> ConnectionAttempt:
    return ConnectionAttempt(
        charge_point_id=name,
        protocol="ocpp1.6",
        node=node,
        node_address="",
        remote_address="",
        password=None,
        certificate_common_name="",
        security_profile=0,
    )


def test_epochs_go_on_from_the_newest_connection_open_or_closed() -> None:
    newest = {"A": Newest(5, True), "B": Newest(7, False)}

    opened = numbered([_attempt("A", "1"), _attempt("C", "2"), _attempt("B", "3"), _attempt("A", "4")], newest)

    assert [(one.attempt.charge_point_id, one.attempt.node, one.epoch) for one in opened] == [
        ("A", "1", 6),
        ("C", "2", 1),
        ("B", "3", 8),
        ("A", "4", 7),
    ]


@pytest.mark.parametrize("seconds", [5, 30, 300])
def test_a_lease_is_bounded(seconds: int) -> None:
    assert lease_of(timedelta(seconds=seconds)) == timedelta(seconds=seconds)


def test_a_lease_lasts_half_a_minute_by_default() -> None:
    assert lease_of(None) == timedelta(seconds=30)


@pytest.mark.parametrize("seconds", [-1, 0, 4.999, 300.001])
def test_too_short_and_too_long_a_lease_are_refused(seconds: float) -> None:
    with pytest.raises(DomainError) as refused:
        lease_of(timedelta(seconds=seconds))

    assert fields_of(refused.value) == ["lease"]
