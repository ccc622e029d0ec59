"""A charge point has one owner on a node: the newest epoch, whatever the order of events."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ocpp_edge.admission.registry import Registry
from tests.fixtures.properties import examples


class Owner:
    """Counts how often it was superseded."""

    def __init__(self, charge_point_id: str = "CP1", epoch: int = 0) -> None:
        self.charge_point_id = charge_point_id
        self.epoch = epoch
        self.superseded = 0

    def supersede(self) -> None:
        self.superseded += 1


def test_the_newest_epoch_wins_and_the_older_is_told_at_once() -> None:
    registry, old, new = Registry[Owner](), Owner(), Owner()
    assert registry.claim("CP1", 1, old)
    assert registry.claim("CP1", 2, new)
    assert registry.find("CP1") is new
    assert (old.superseded, new.superseded) == (1, 0)


def test_a_stale_epoch_can_neither_claim_nor_release() -> None:
    registry, new = Registry[Owner](), Owner()
    registry.claim("CP1", 2, new)
    assert not registry.claim("CP1", 1, Owner())
    assert not registry.claim("CP1", 2, Owner())
    assert not registry.release("CP1", 1)
    assert not registry.revoke("CP1", 1)
    assert registry.find("CP1") is new
    assert new.superseded == 0


def test_a_released_charge_point_is_gone() -> None:
    registry = Registry[Owner]()
    registry.claim("CP1", 1, Owner())
    assert registry.release("CP1", 1)
    assert registry.find("CP1") is None
    assert len(registry) == 0


def test_a_connection_that_moved_to_another_node_is_superseded_here() -> None:
    registry, owner = Registry[Owner](), Owner()
    registry.claim("CP1", 4, owner)
    assert registry.revoke("CP1", 4)
    assert owner.superseded == 1
    assert registry.find("CP1") is None


def test_owners_may_leave_while_all_are_visited() -> None:
    registry = Registry[Owner]()
    for number in range(5):
        registry.claim(f"CP{number}", 1, Owner(f"CP{number}"))
    visited = 0
    for owner in registry:
        registry.release(owner.charge_point_id, 1)
        visited += 1
    assert (visited, len(registry)) == (5, 0)


class RegistryMachine(RuleBasedStateMachine):
    """Sockets open, close and are revoked in any order, with epochs in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry[Owner]()
        self.alive: list[Owner] = []

    ids = st.sampled_from(["CP1", "CP2"])
    epochs = st.integers(1, 12)

    def holder(self, charge_point_id: str) -> Owner | None:
        owners = [o for o in self.alive if o.charge_point_id == charge_point_id and not o.superseded]
        return owners[0] if owners else None

    @rule(charge_point_id=ids, epoch=epochs)
    def claim(self, charge_point_id: str, epoch: int) -> None:
        held = self.holder(charge_point_id)
        owner = Owner(charge_point_id, epoch)
        claimed = self.registry.claim(charge_point_id, epoch, owner)
        assert claimed == (held is None or held.epoch < epoch)
        if claimed:
            assert held is None or held.superseded == 1
            self.alive.append(owner)

    @rule(charge_point_id=ids, epoch=epochs)
    def release(self, charge_point_id: str, epoch: int) -> None:
        held = self.holder(charge_point_id)
        released = self.registry.release(charge_point_id, epoch)
        assert released == (held is not None and held.epoch == epoch)
        if released and held is not None:
            self.alive.remove(held)

    @rule(charge_point_id=ids, epoch=epochs)
    def revoke(self, charge_point_id: str, epoch: int) -> None:
        held = self.holder(charge_point_id)
        revoked = self.registry.revoke(charge_point_id, epoch)
        assert revoked == (held is not None and held.epoch <= epoch)
        assert not revoked or (held is not None and held.superseded == 1)

    @invariant()
    def one_owner_at_most_and_the_registry_knows_it(self) -> None:
        for charge_point_id in ("CP1", "CP2"):
            owners = [o for o in self.alive if o.charge_point_id == charge_point_id and not o.superseded]
            assert len(owners) <= 1
            assert self.registry.find(charge_point_id) is (owners[0] if owners else None)

    @invariant()
    def nobody_is_superseded_twice(self) -> None:
        assert all(owner.superseded <= 1 for owner in self.alive)


RegistryMachine.TestCase.settings = settings(max_examples=examples(0.4), stateful_step_count=30)
TestRegistryUnderAnySchedule = RegistryMachine.TestCase
