"""services.driver.domain.account"""

from datetime import timedelta

import pytest

from services.driver.domain import account
from services.driver.domain.account import FailedAttempts, Role, check_new, name_key
from services.kernel.errors import DomainError, ErrorKind
from tests.unit.services.driver.samples import DRIVER, NOW, fields_of

GOOD = "a good password"
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("name", "role", "driver_id"),
    [("ann", Role.ADMIN, ""), ("Ann.B-c_d@example.org+1", Role.VIEWER, ""), ("x" * 100, Role.DRIVER, DRIVER.id)],
)
def test_these_are_accounts(name: str, role: Role, driver_id: str) -> None:
    check_new(name, role, driver_id, GOOD)


@pytest.mark.parametrize(
    ("name", "role", "driver_id", "password", "bad"),
    [
        ("an", Role.ADMIN, "", GOOD, ["account.name"]),
        ("x" * 101, Role.ADMIN, "", GOOD, ["account.name"]),
        ("ann bea", Role.ADMIN, "", GOOD, ["account.name"]),
        ("änn", Role.ADMIN, "", GOOD, ["account.name"]),
        ("ann\n", Role.ADMIN, "", GOOD, ["account.name"]),
        ("ann", None, "", GOOD, ["account.role"]),
        ("ann", Role.DRIVER, "", GOOD, ["account.driverId"]),
        ("ann", Role.ADMIN, DRIVER.id, GOOD, ["account.driverId"]),
        ("ann", Role.ADMIN, "", "short", ["account.password"]),
        ("ann", Role.ADMIN, "", "x" * 201, ["account.password"]),
        ("", None, DRIVER.id, "", ["account.name", "account.password", "account.role", "account.driverId"]),
    ],
)
def test_every_bad_field_of_an_account_is_named(
    name: str, role: Role | None, driver_id: str, password: str, bad: list[str]
) -> None:
    with pytest.raises(DomainError) as refused:
        check_new(name, role, driver_id, password)

    assert fields_of(refused.value) == bad


def test_names_are_compared_without_regard_to_case() -> None:
    assert name_key("Ann.B@Example.org") == name_key("aNN.b@example.ORG")


def test_after_ten_wrong_attempts_a_name_waits_until_the_minute_is_over() -> None:
    failures = FailedAttempts()
    for number in range(10):
        failures.check("ann", NOW + number * SECOND)
        failures.note("ann", NOW + number * SECOND)

    with pytest.raises(DomainError) as refused:
        failures.check("ann", NOW + 59 * SECOND)

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL")
    failures.check("bea", NOW + 59 * SECOND)
    # The first attempt is a minute ago now, and its place free for another one.
    failures.check("ann", NOW + 60 * SECOND)
    failures.note("ann", NOW + 60 * SECOND)
    with pytest.raises(DomainError):
        failures.check("ann", NOW + 60 * SECOND)


def test_of_very_many_names_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_NAMES_WATCHED", 3)
    failures = FailedAttempts()
    for _ in range(10):
        failures.note("ann", NOW)
    for name in ("bea", "cem", "dan"):
        failures.note(name, NOW)

    failures.check("ann", NOW)
