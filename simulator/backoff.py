"""Waiting longer after each failure, with jitter, so that a fleet does not come back in step."""

import random


class Backoff:
    """Delays that double from `first_seconds` up to `ceiling_seconds`, each cut by up to half."""

    def __init__(
        self,
        first_seconds: float = 1.0,
        ceiling_seconds: float = 60.0,
        rng: random.Random | None = None,
    ) -> None:
        self._first = first_seconds
        self._ceiling = ceiling_seconds
        self._rng = rng or random.Random()
        self._failures = 0

    def next(self, at_least_seconds: float = 0.0) -> float:
        """Seconds to wait before the next try; `at_least_seconds` is what the server asked for."""
        delay = min(self._ceiling, self._first * (1 << min(self._failures, 16)))
        self._failures += 1
        return at_least_seconds + delay * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin again: the last try succeeded."""
        self._failures = 0
