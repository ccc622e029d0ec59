"""Tells a person at a terminal how a start goes, one line a step with the seconds since the beginning."""

import time


class Progress:
    """A stopwatch that prints."""

    def __init__(self) -> None:
        self._begun_at = time.monotonic()

    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun_at

    def say(self, text: str) -> None:
        """Print one line, at once."""
        print(f"{self.seconds():6.1f} s  {text}", flush=True)
