"""Both builds in turns: round after round, every row by the one and by the other, who is first changing each time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.against.contestant import Contestant
from bench.against.plan import HANDSHAKE, Sizes, title
from bench.against.ratios import Ratio, Spent, cost_us, medians, ratio
from bench.plan import CLASSES, MessageClass
from bench.steps import tell
from bench.system import check
from simulator.load.charger import MIXES
from simulator.load.run import LoadFailed
from stack.errors import StackError

_CLASSES = {each.name: each for each in CLASSES}


@dataclass(frozen=True)
class Cost:
    """What a row costs: CPU microseconds per message by process in both builds, and the ratio of the sums.

    `rounds` are those sums, new and old, one pair a round.
    """

    row: str
    new_us: dict[str, float]
    old_us: dict[str, float]
    ratio: Ratio
    rounds: tuple[tuple[float, float], ...]


def is_old_first(number: int, place: int) -> bool:
    """Who is first in a row of a round: each in turn, from round to round and from row to row."""
    return (number + place) % 2 == 0


@dataclass
class Comparison:
    """The bursts of a run, new and old of a round together, and what failed."""

    new: Contestant
    old: Contestant
    failures: list[str] = field(default_factory=list)
    _pairs: dict[str, list[tuple[Spent, Spent]]] = field(default_factory=dict)

    def run(self, sizes: Sizes) -> None:
        """Carry out all rounds. A row that fails is told and left out of that round. Raises StackError."""
        bursts = {row: self._burst(row, sizes) for row in sizes.rows}
        for number in range(sizes.rounds):
            idle = [f"{each.look_idle():.3f}" for each in (self.new, self.old)]
            tell(f"[round {number + 1}/{sizes.rounds}] idle cores: new {idle[0]}, old {idle[1]}")
            for place, (row, burst) in enumerate(bursts.items()):
                check(self.new.system)
                check(self.old.system)
                self._measure(row, burst, old_first=is_old_first(number, place))

    def costs(self) -> Iterator[Cost]:
        """The rows that were measured, idle time taken off."""
        for row, pairs in self._pairs.items():
            new = [cost_us(spent, self.new.idle_cores) for spent, _ in pairs]
            old = [cost_us(spent, self.old.idle_cores) for _, spent in pairs]
            sums = [(sum(one.values()), sum(other.values())) for one, other in zip(new, old, strict=True)]
            # So short a burst that the noise of being idle is larger.
            if measured := [(one, other) for one, other in sums if one > 0 and other > 0]:
                yield Cost(row, medians(new), medians(old), ratio(measured), tuple(measured))

    def _measure(self, row: str, burst: Callable[[Contestant], Spent], *, old_first: bool) -> None:
        order = (self.old, self.new) if old_first else (self.new, self.old)
        try:
            spent = {each.name: burst(each) for each in order}
        except (LoadFailed, StackError, OSError) as error:
            self.failures.append(f"{title(row)}: {error}")
            tell(f"  {title(row)}: FAILED: {error}")
            return
        pair = spent[self.new.name], spent[self.old.name]
        self._pairs.setdefault(row, []).append(pair)
        new, old = (
            sum(cost_us(one, who.idle_cores).values()) for one, who in zip(pair, (self.new, self.old), strict=True)
        )
        tell(f"  {title(row)}: {new:.1f} us, {old:.1f} before")

    def _burst(self, row: str, sizes: Sizes) -> Callable[[Contestant], Spent]:
        if row == HANDSHAKE:
            return Contestant.handshake
        if row not in _CLASSES:
            return lambda who: who.read(row)
        each = _CLASSES[row]
        times = self._times(each, sizes)
        return lambda who: who.talk(each, times)

    def _times(self, each: MessageClass, sizes: Sizes) -> int:
        """How often every charger says a mix, so that the slower build is busy with it for the time that is wanted."""
        rate = min(who.rate(each) for who in (self.new, self.old))
        return max(1, round(rate * sizes.seconds / (len(MIXES[each.mix]) * sizes.connections)))
