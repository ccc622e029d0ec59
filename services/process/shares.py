"""A limited number of places, shared by tenants so that none can take them all. Knows nothing of what is done there."""

from collections import Counter
from collections.abc import Set

# A tenant alone gets four fifths; the next one four fifths of what is left, and so on: nobody finds everything taken by
# one other, and no number has to be set for anybody.
_TIMES_FREE = 4


class Shares:
    """`places` of which each tenant may take one more while it holds less than four times as many as are free."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken, by whomever."""
        return self._taken.total()

    @property
    def full(self) -> Set[str]:
        """The tenants that get no more for now."""
        return {tenant_id for tenant_id in self._taken if not self._has_room(tenant_id)}

    def take(self, tenant_id: str) -> bool:
        """Take a place for a tenant; whether there is one for it."""
        has_room = self._has_room(tenant_id)
        if has_room:
            self._taken[tenant_id] += 1
        return has_room

    def give_back(self, tenant_id: str) -> None:
        """Give back one that was taken."""
        self._taken[tenant_id] -= 1
        if not self._taken[tenant_id]:
            del self._taken[tenant_id]

    def _has_room(self, tenant_id: str) -> bool:
        return self._taken[tenant_id] < _TIMES_FREE * (self._places - self.taken)
