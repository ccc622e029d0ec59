"""When a child that died is started again: at once at first, then ever later as long as it keeps dying. Pure."""

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0
# A child that ran for so long has recovered: what ends it then is a new misfortune.
_RECOVERED_SECONDS = 10.0


class Restarts:
    """The deaths of children by name, and how long each has to wait."""

    def __init__(self) -> None:
        self._deaths: dict[str, int] = {}
        self._due_at: dict[str, float] = {}

    def wait(self, name: str, now: float, *, lived: float) -> float:
        """Seconds, counted from `now`, until the child that died after `lived` seconds may be started again.

        Asked as often as one likes about one death; a new one begins with `started`.
        """
        if name not in self._due_at:
            deaths = 0 if lived >= _RECOVERED_SECONDS else self._deaths.get(name, 0)
            self._deaths[name] = deaths + 1
            self._due_at[name] = now + (min(_FIRST_SECONDS * 2**deaths, _LONGEST_SECONDS) if deaths else 0.0)
        return max(0.0, self._due_at[name] - now)

    def started(self, name: str) -> None:
        """The child runs again."""
        self._due_at.pop(name, None)
