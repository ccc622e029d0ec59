"""Places that tenants share."""

from services.process.shares import Shares


def _takes(shares: Shares, tenant_id: str) -> int:
    """How many a tenant gets that takes all it can."""
    count = 0
    while shares.take(tenant_id):
        count += 1
    return count


def test_a_tenant_alone_gets_most_and_leaves_some_to_each_that_comes_after() -> None:
    shares = Shares(50)
    assert [_takes(shares, tenant_id) for tenant_id in ("north", "south", "east")] == [40, 8, 2]
    assert shares.taken == 50
    assert shares.full == {"north", "south", "east"}
    assert not shares.take("west")


def test_what_is_given_back_goes_to_whoever_has_least() -> None:
    shares = Shares(50)
    for tenant_id in ("north", "south"):
        _takes(shares, tenant_id)
    shares.give_back("north")
    assert not shares.take("north")
    assert shares.take("south")
    for _ in range(39):
        shares.give_back("north")
    assert _takes(shares, "south") == 31
    assert shares.full == {"south"}


def test_a_single_place_is_for_anybody() -> None:
    shares = Shares(1)
    assert shares.take("north")
    assert not shares.take("south")
    shares.give_back("north")
    assert shares.take("south")
