"""The goals of the system in figures, and whether a run reached them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.book import Book, Row, ratio
from bench.markdown import NOTHING, number
from bench.plan import CLASSES, EDGE, ENVOY, NAIVE, SATURATION, STATED_RATE

_STATED = f"{STATED_RATE}/s"
# What noise may look like growth.
_NO_GROWTH = 1.1


@dataclass(frozen=True)
class Goal:
    """A figure that must stay below its limit, or reach it when `at_least`."""

    title: str
    limit: float
    unit: str
    measured: Callable[[Book], float | None]
    at_least: bool = False

    @property
    def limit_text(self) -> str:
        """The limit with its unit."""
        return f"{'at least' if self.at_least else 'at most'} {number(self.limit)} {self.unit}"

    def measured_text(self, book: Book) -> str:
        """What was measured, with its unit."""
        value = self.measured(book)
        return NOTHING if value is None else f"{number(value)} {self.unit}"

    def verdict(self, book: Book) -> str:
        """`met`, `MISSED` or `not measured`."""
        value = self.measured(book)
        if value is None:
            return "not measured"
        return "met" if (value >= self.limit if self.at_least else value <= self.limit) else "MISSED"


def _of(section: str, row: Row, column: str) -> Callable[[Book], float | None]:
    return lambda book: book.median(section, row, column)


def _quotient(section: str, above: Row, below: Row, column: str) -> Callable[[Book], float | None]:
    return lambda book: ratio(book.median(section, above, column), book.median(section, below, column))


def _worst_p99(book: Book) -> float | None:
    """The longest p99 of any class and way at 75 %."""
    rows = [(each.name, path, "75 %") for each in CLASSES for path in (EDGE, ENVOY)]
    found = [value for row in rows if (value := book.median("traffic", row, "p99")) is not None]
    return max(found, default=None)


def _most_chargers(name: str) -> Callable[[Book], float | None]:
    """How much more a message costs with the most chargers than with the fewest."""

    def growth(book: Book) -> float | None:
        rows = [row for row in book.rows("growth") if row[0] == name and row[1].endswith(" chargers")]
        rows.sort(key=lambda row: int(row[1].split(" ")[0]))
        if len(rows) < 2:
            return None
        return ratio(book.median("growth", rows[-1], "path us"), book.median("growth", rows[0], "path us"))

    return growth


def _traffic_goals() -> list[Goal]:
    made = []
    for path in (EDGE, ENVOY):
        for name, title, limit in (("metervalues", "MeterValues", 70), ("starts", "Start and stop", 70)):
            row = (name, path, SATURATION)
            made.append(Goal(f"{title} at saturation, {path}", limit, "us", _of("traffic", row, "path us")))
        row = ("heartbeat", path, SATURATION)
        made.append(Goal(f"Heartbeat at saturation, {path}", 40, "us", _of("traffic", row, "path us")))
        for name, title in (("metervalues", "MeterValues"), ("starts", "Start and stop")):
            row = (name, path, _STATED)
            made.append(Goal(f"{title} at {_STATED}, {path}", 400, "us", _of("traffic", row, "path us")))
            made.append(Goal(f"{title} at {_STATED}, {path}, p99", 10, "ms", _of("traffic", row, "p99")))
    for name, title, times in (("metervalues", "MeterValues", 25), ("starts", "Start and stop", 30)):
        above, below = (name, EDGE, SATURATION), (name, NAIVE, SATURATION)
        quotient = _quotient("traffic", above, below, "rate")
        made.append(Goal(f"{title} against the naive rate", times, "x", quotient, at_least=True))
    made.append(Goal("p99 at 75 % load, any class and way", 100, "ms", _worst_p99))
    return made


GOALS = (
    *_traffic_goals(),
    Goal("Idle connection, plain", 20, "KiB", _of("connections", ("idle", "plain"), "KiB")),
    Goal("Idle connection, TLS", 45, "KiB", _of("connections", ("idle", "TLS"), "KiB")),
    Goal("Longest pause, all idle, plain", 50, "ms", _of("connections", ("pause", "plain", "held"), "longest ms")),
    Goal("Longest pause, all idle, TLS", 50, "ms", _of("connections", ("pause", "TLS", "held"), "longest ms")),
    Goal("Handshake with TLS, edge and station", 1_000, "us", _of("connections", ("handshake", "TLS"), "path us")),
    Goal("All back after an outage, plain", 60, "s", _of("storm", ("plain",), "seconds")),
    Goal("All back after an outage, TLS", 60, "s", _of("storm", ("TLS",), "seconds")),
    Goal("MeterValues, most chargers against fewest", _NO_GROWTH, "x", _most_chargers("metervalues")),
    Goal("Start and stop, most chargers against fewest", _NO_GROWTH, "x", _most_chargers("starts")),
    *(
        Goal(
            f"{title}, old tables against empty ones",
            _NO_GROWTH,
            "x",
            _quotient("growth", (name, "old tables"), (name, "empty tables"), "path us"),
        )
        for name, title in (("metervalues", "MeterValues"), ("starts", "Start and stop"))
    ),
)
