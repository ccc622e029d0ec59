"""What is compared, and how much of it. Pure data."""

from dataclasses import dataclass

from bench.plan import CLASSES
from bench.reads import PATHS

HANDSHAKE = "handshake"
_COMPARED = ("metervalues", "starts", "transaction", "heartbeat")
_TITLES = {each.name: each.title for each in CLASSES}
# A handshake costs about a millisecond, both sides together; a crowd of fewer says nothing.
_HANDSHAKES_PER_SECOND = 200
_FEWEST_HANDSHAKES = 20

# The sections and classes of the benchmark that can be asked for, and the rows that each of them is here.
ROWS_OF = {
    **{each.name: (each.name,) for each in CLASSES},
    "traffic": _COMPARED,
    "connections": (HANDSHAKE,),
    "reads": PATHS,
}


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `seconds` is about how long a burst takes, in the slower build."""

    rounds: int = 10
    seconds: float = 2.0
    connections: int = 400
    rows: tuple[str, ...] = (*_COMPARED, HANDSHAKE, *PATHS)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of OCPP that are spoken; connections and what is read are of 1.6."""
        return tuple(dict.fromkeys(("1.6", *(each.version for each in CLASSES if each.name in self.rows))))

    @property
    def handshakes(self) -> int:
        """How many chargers connect in a burst."""
        return max(_FEWEST_HANDSHAKES, round(_HANDSHAKES_PER_SECOND * self.seconds))


QUICK = Sizes(rounds=2, seconds=0.2, connections=20)


def title(row: str) -> str:
    """A row as it is told."""
    if row == HANDSHAKE:
        return "connect and BootNotification"
    return _TITLES.get(row, f"GET {row}")
