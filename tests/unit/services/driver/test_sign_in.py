"""services.driver.domain.identity.sign_in"""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.driver.domain.identity.sign_in import Origin, Scope, Tries, check_wait, network_of, tries_of
from services.kernel.errors import DomainError, ErrorKind
from tests.unit.services.driver.samples import NOW

pytestmark = pytest.mark.field_case("E5")

HERE = Origin("192.0.2.1")
SECOND = timedelta(seconds=1)


def _failed(tries: Sequence[Tries], times: int) -> Sequence[Tries]:
    """After so many tries in vain, all at NOW."""
    for _ in range(times):
        tries = [one.failed(NOW) for one in tries]
    return tries


def _wait_seconds(tries: Sequence[Tries], origin: Origin = HERE, after: timedelta = timedelta(0)) -> int:
    try:
        check_wait(tries, origin, NOW + after)
    except DomainError as refused:
        return int(refused.metadata["retryAfterSeconds"])
    return 0


def test_who_has_to_wait_is_told_for_how_long() -> None:
    with pytest.raises(DomainError) as refused:
        check_wait(_failed(tries_of("ann", HERE), 8), HERE, NOW)

    error = refused.value
    assert (error.kind, error.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
    assert (error.message, error.metadata) == (
        "too many wrong attempts; try again in 4 s",
        {"retryAfterSeconds": "4"},
    )


def test_a_few_wrong_passwords_cost_nothing_then_each_one_costs_a_wait_twice_as_long() -> None:
    waits = [_wait_seconds(_failed(tries_of("ann", HERE), number)) for number in range(1, 20)]

    assert waits == [0] * 5 + [1, 2, 4, 8, 16, 32, 64, 128, 256] + [300] * 5


def test_the_wait_passes_by_itself() -> None:
    tries = _failed(tries_of("ann", HERE), 8)

    assert _wait_seconds(tries) == 4
    assert _wait_seconds(tries, after=SECOND * 3.5) == 1
    assert _wait_seconds(tries, after=SECOND * 4) == 0


def test_what_came_in_vain_is_forgotten_after_a_day_without() -> None:
    [own, *_] = _failed(tries_of("ann", HERE), 12)

    assert own.failed(NOW + timedelta(hours=23)).failures == 13
    assert own.failed(NOW + timedelta(hours=25)).failures == 1


def test_the_right_password_makes_good_for_what_came_before() -> None:
    [own, *_] = _failed(tries_of("ann", HERE), 5)

    assert own.succeeded(NOW).failed(NOW).failures == 1


def test_many_accounts_tried_from_one_address_make_it_wait_as_well() -> None:
    address = Tries(key=b"", scope=Scope.ADDRESS, failures=53, failure_time=NOW)
    stranger, *_ = tries_of("bea", HERE)

    assert _wait_seconds([stranger, address]) == 4
    # Not those who were right there before, and not who shows that he was right elsewhere.
    assert _wait_seconds([stranger.succeeded(NOW - timedelta(days=29)), address]) == 0
    assert _wait_seconds([stranger.succeeded(NOW - timedelta(days=31)), address]) == 4
    assert _wait_seconds([stranger, address], Origin("192.0.2.1", "token")) == 0


def test_an_account_is_not_kept_from_its_owner_however_many_try_it() -> None:
    account = Tries(key=b"", scope=Scope.ACCOUNT, failures=100_000, failure_time=NOW)
    [own, *_] = tries_of("ann", HERE)

    assert _wait_seconds([own, account]) == 0


def test_what_counts_together_has_one_key() -> None:
    def keys(name: str, origin: Origin) -> dict[Scope, bytes]:
        return {one.scope: one.key for one in tries_of(name, origin)}

    ann = keys("ann", HERE)
    assert keys("ANN", HERE) == ann
    elsewhere = keys("ann", Origin("192.0.2.2"))
    assert elsewhere[Scope.ACCOUNT] == ann[Scope.ACCOUNT]
    assert not {elsewhere[Scope.OWN], elsewhere[Scope.ADDRESS]} & set(ann.values())
    proven = keys("ann", Origin("192.0.2.1", "token"))
    assert proven[Scope.ADDRESS] == ann[Scope.ADDRESS]
    assert proven[Scope.OWN] != ann[Scope.OWN]
    assert len({len(key) for key in (*ann.values(), *keys("x" * 10_000, HERE).values())}) == 1
    # Nothing that can be given for a name stands for something else.
    assert keys("ann\naddress 192.0.2.1", Origin("x"))[Scope.ACCOUNT] != ann[Scope.OWN]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:/tmp/socket", "unix:/tmp/socket"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_operators_hear_of_an_attack_ever_more_seldom() -> None:
    tries, reported = tries_of("ann", HERE), []
    for number in range(1, 200):
        tries = _failed(tries, 1)
        reported += [(one.scope, number) for one in tries if one.is_worth_telling]

    assert [number for scope, number in reported if scope is Scope.OWN] == [6, 7, 9, 13, 21, 37, 69, 133]
    for scope in (Scope.ADDRESS, Scope.ACCOUNT):
        assert [number for one, number in reported if one is scope] == [51, 52, 54, 58, 66, 82, 114, 178]
