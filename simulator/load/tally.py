"""What a load run counts: answers and their latency by class of message, and everything that went wrong."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from simulator.load.charger import Kind


@dataclass
class Tally:
    """Counts of one generator process, or of several merged.

    `latencies_us` holds each answered message within the window. `errors` counts by what happened: a CALLERROR's code,
    `wrong id`, `not OCPP`, `disconnected`, `unanswered`. `refused` counts results whose status is not Accepted.
    """

    latencies_us: dict[Kind, "array[int]"] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    server_calls: int = 0

    def answered(self, kind: Kind, latency_seconds: float) -> None:
        """Count one answer."""
        samples = self.latencies_us.get(kind)
        if samples is None:
            samples = self.latencies_us[kind] = array("L")
        samples.append(max(0, int(latency_seconds * 1_000_000)))

    def clear(self) -> None:
        """Begin anew."""
        self.latencies_us.clear()
        self.errors.clear()
        self.refused.clear()
        self.server_calls = 0

    def add(self, other: "Tally") -> None:
        """Take over the counts of another process."""
        for kind, samples in other.latencies_us.items():
            self.latencies_us.setdefault(kind, array("L")).extend(samples)
        self.errors.update(other.errors)
        self.refused.update(other.refused)
        self.server_calls += other.server_calls

    @property
    def messages(self) -> int:
        """All answers within the window."""
        return sum(len(samples) for samples in self.latencies_us.values())

    def all_latencies_us(self) -> "array[int]":
        """The samples of all classes together."""
        every = array("L")
        for samples in self.latencies_us.values():
            every.extend(samples)
        return every
