"""What is compared, and how much of it. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.plan import CLASS_OF, CLASSES, FLEET, FRESH, LOADS, REST, SESSION, START, Load
from bench.reads import PATHS

HANDSHAKE = "handshake"
_COMPARED = ("metervalues", "starts", "transaction", "heartbeat")
# A handshake costs about a millisecond, both sides together; a crowd of fewer says nothing.
_HANDSHAKES_PER_SECOND = 200
_FEWEST_HANDSHAKES = 20
# How many times as long as other bursts: what is offered slowly, so that its latency has enough samples, and rest.
_SLOWLY, _AT_REST = 5, 10

# What can be asked for, and the rows that it is here: sections and classes of the benchmark, and rows by their names.
ROWS_OF: Mapping[str, tuple[str, ...]] = {
    **{each.name: (each.name,) for each in CLASSES},
    "traffic": _COMPARED,
    "connections": (HANDSHAKE,),
    "reads": PATHS,
    "fleet": FLEET,
    **{name: (name,) for name in FLEET},
    **{
        group: tuple(name for name in LOADS if name.startswith(f"{group}-"))
        for group in ("lone", "dense", "few", "many")
    },
}


@dataclass(frozen=True)
class Sizes:
    """How much of everything. `seconds` is about how long a burst takes, in the slower build; `connections` are the
    most that send messages, `idle` those that are silent."""

    rounds: int = 10
    seconds: float = 2.0
    connections: int = 400
    idle: int = 1_000
    rows: tuple[str, ...] = (*_COMPARED, HANDSHAKE, *PATHS)

    @property
    def fresh_rows(self) -> tuple[str, ...]:
        """The rows for each of which a stack is started."""
        return tuple(row for row in self.rows if row in FRESH)

    @property
    def rows_in_use(self) -> tuple[str, ...]:
        """The rows of stacks that serve all the time."""
        return tuple(row for row in self.rows if row not in self.fresh_rows)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of OCPP that are spoken; connections and what is read are of 1.6."""
        return tuple(dict.fromkeys(("1.6", *(each.version for each in CLASSES if each.name in self.rows))))

    @property
    def handshakes(self) -> int:
        """How many chargers connect in a burst."""
        return max(_FEWEST_HANDSHAKES, round(_HANDSHAKES_PER_SECOND * self.seconds))

    @property
    def rest_seconds(self) -> float:
        """How long a stack is watched at rest."""
        return self.seconds * _AT_REST

    def load_seconds(self, each: Load) -> float:
        """How long a crowd goes on."""
        return self.seconds * (_SLOWLY if each.rate else 1)


QUICK = Sizes(rounds=2, seconds=0.2, connections=20, idle=50)


def title(row: str) -> str:
    """A row as it is told."""
    if row in LOADS:
        return LOADS[row].title
    if row in CLASS_OF:
        return CLASS_OF[row].title
    return _TITLES.get(row, f"GET {row}")


_TITLES = {
    HANDSHAKE: "connect and BootNotification",
    SESSION: "a session of OCPP 1.6 until it is billed",
    START: "`csms up` until it serves, warm",
    REST: "a second at rest",
}
