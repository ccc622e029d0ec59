"""services.driver.domain.identity.account"""

import pytest

from services.driver.domain.identity.account import Role, check_new, name_key
from services.kernel.errors import DomainError
from tests.unit.services.driver.samples import DRIVER, fields_of

GOOD = "a good password"


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
