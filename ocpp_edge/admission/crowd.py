"""How many sockets each address holds, those that wait to be let in included. A bound that one address cannot pass.

Generous by default: a whole site, or the customers of a mobile network, may stand behind one address.
"""


class Crowd:
    """Counts sockets by address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def enter(self, address: str) -> bool:
        """Count one more; False, and nothing is counted, when that would be too many."""
        count = self._counts.get(address, 0)
        if count >= self._most:
            return False
        self._counts[address] = count + 1
        return True

    def leave(self, address: str) -> None:
        """Count one less. Once for each that entered."""
        count = self._counts[address] - 1
        if count:
            self._counts[address] = count
        else:
            del self._counts[address]
