"""Which connection speaks for a charge point on this node: the one with the greatest epoch, and no other.

Synchronous and without I/O; epochs are handed out elsewhere.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Owner(Protocol):
    """A connection as the registry sees it."""

    def supersede(self) -> None:
        """A newer connection has taken over: fail what is pending and hang up. Must not call the registry."""
        ...


C = TypeVar("C", bound=Owner)


class Registry(Generic[C]):
    """The connections of this node by charge point. One charge point has at most one."""

    def __init__(self) -> None:
        self._owners: dict[str, tuple[int, C]] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def __iter__(self) -> Iterator[C]:
        """A snapshot: owners may come and go while it is walked."""
        return iter([owner for _, owner in self._owners.values()])

    def claim(self, charge_point_id: str, epoch: int, owner: C) -> bool:
        """Make `owner` speak for the charge point; whoever did so with a lesser epoch is superseded at once.

        False, and nothing changes, when a connection with this or a greater epoch is here already.
        """
        held = self._owners.get(charge_point_id)
        if held is not None and held[0] >= epoch:
            return False
        self._owners[charge_point_id] = (epoch, owner)
        if held is not None:
            held[1].supersede()
        return True

    def release(self, charge_point_id: str, epoch: int) -> bool:
        """Forget the connection of `epoch`; does nothing, and says so, when another epoch holds the charge point."""
        held = self._owners.get(charge_point_id)
        if held is None or held[0] != epoch:
            return False
        del self._owners[charge_point_id]
        return True

    def revoke(self, charge_point_id: str, epoch: int) -> bool:
        """Supersede the connection of up to `epoch`: a newer one lives on another node. False when there is none."""
        held = self._owners.get(charge_point_id)
        if held is None or held[0] > epoch:
            return False
        del self._owners[charge_point_id]
        held[1].supersede()
        return True

    def find(self, charge_point_id: str) -> C | None:
        """The connection that speaks for the charge point, or None when none does here."""
        held = self._owners.get(charge_point_id)
        return None if held is None else held[1]
