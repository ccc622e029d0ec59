"""What the registers of a transaction come to when they do not agree at first sight.

Pure. What a single register can mean is in registers.py, what is doubtful about the result in doubts.py.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.transaction.domain.registers import (
    ANYTHING,
    BEGIN,
    CROSSING_WH,
    END,
    HYPOTHESES,
    Bounds,
    Chain,
    Kind,
    Moment,
    Point,
    Registers,
    Stop,
    bounds_of,
    chain_of,
    meanings_of,
    moments_of,
)

_NOTHING = Chain((), None)
_WITHOUT_BOUNDS = bounds_of(None, None, None)


class StartStop(NamedTuple):
    """What the start and the end of a transaction told: registers in Wh, times in seconds since 1970; None where that
    is not known. Without `stop_time` it runs."""

    start_wh: int | None
    stop_wh: int | None
    start_time: int | None
    stop_time: int | None


class Account(NamedTuple):
    """The registers of a transaction, sorted by what they were told for.

    `start_wh` is that at the start; `begin` was read there as well, and is another one. `moments` were read between
    the start and the `stop`, `late` when it was over.
    """

    reported: StartStop
    bounds: Bounds
    start_wh: int | None
    begin: Moment | None
    moments: Sequence[Moment]
    stop: Stop | None
    late: Sequence[Moment]

    @property
    def reported_wh(self) -> int | None:
        """The energy by the registers at the start and at the stop alone; None without one of them."""
        if self.start_wh is None or self.stop is None or not self.stop.is_reported:
            return None
        return self.stop.wh - self.start_wh

    @property
    def end_time(self) -> int:
        """When the last register was told."""
        return self.stop.moment.time if self.stop is not None else self.reported.start_time or 0

    @property
    def most_wh(self) -> int:
        """The most that it can have come to by then."""
        return self.bounds.until(self.end_time)


class Finding(NamedTuple):
    """What is taken for true of an account: the registers that are, and their energy; None when they tell none.

    With `counts_from_first` it is counted from the first of these registers, not from that at the start; `left_out` is
    the one before, which does not lead there. `otherwise_wh` is what it comes to just as well.
    """

    account: Account
    chain: Chain
    energy_wh: int | None
    counts_from_first: bool = False
    left_out: int | None = None
    otherwise_wh: int | None = None

    def meanings(self, time: int, wh: int) -> Sequence[Point]:
        """What one more register could mean beside them; its energy is like that of the points of the chain."""
        account, points = self.account, self.chain.all
        if not self.counts_from_first:
            return meanings_of(time, wh, account.start_wh or 0, ANYTHING, account.bounds)
        more_wh = wh - points[0].wh
        return [Point(time, wh, wh)] if -CROSSING_WH <= more_wh <= account.bounds.until(time) else []


_Row = tuple[int, int, int]


def account_of(reported: StartStop, registers: Registers) -> Account:
    """The registers sorted. One below zero counts as not told at the start or the stop."""
    bounds = bounds_of(reported.start_time, reported.stop_time, registers.max_power_w)
    rows = sorted(zip(registers.times, registers.energies_wh, registers.contexts, strict=True))
    begins = [row for row in rows if row[2] == BEGIN and row[1] >= 0]
    others = [row for row in rows if row[2] != BEGIN]
    stop: Stop | None = None
    if reported.stop_wh is not None and reported.stop_wh >= 0:
        stop = Stop(Moment(reported.stop_time or 0, [reported.stop_wh]), is_reported=True)
        # The same register as a reading bears nothing out.
        others = [row for row in others if row[1:] != (reported.stop_wh, END)]
    elif ends := [row for row in others if row[2] == END and row[1] >= 0]:
        stop = Stop(Moment(ends[-1][0], [ends[-1][1]]), is_reported=True)
        others = [row for row in others if row[2] != END]
    late: list[_Row] = []
    if stop is not None:
        late = [row for row in others if _is_late(row, stop, bounds)]
        others = [row for row in others if not _is_late(row, stop, bounds)]
    moments = _moments(others)
    if stop is None and moments:
        stop = Stop(moments.pop(), is_reported=False)
    start_wh, begin = reported.start_wh, begins[0][:2] if begins else None
    if start_wh is None or start_wh < 0:
        start_wh, begin = begin[1] if begin else None, None
    elif begin is not None and begin[1] == start_wh:
        begin = None
    return Account(
        reported, bounds, start_wh, Moment(begin[0], [begin[1]]) if begin else None, moments, stop, _moments(late)
    )


def _is_late(row: _Row, stop: Stop, bounds: Bounds) -> bool:
    """Whether a reading is one of after the end: by its time, or soon after it by a register that has gone on, as of
    the next vehicle under the name of the one before."""
    time, wh, _ = row
    has_gone_on = bounds.stop_time is not None and time > bounds.stop_time and wh > stop.wh + CROSSING_WH
    return has_gone_on or bounds.is_after_end(time)


def finding_of(account: Account) -> Finding:
    """What explains most of an account."""
    total = len(account.moments) + (account.stop is not None)
    best = _NOTHING
    for kinds in (*HYPOTHESES, ANYTHING) if account.start_wh is not None else ():
        chain = chain_of(account.moments, account.start_wh or 0, account.stop, kinds, account.bounds)
        # Without a register at the stop that is sure, a thousandth of the others is as good as any.
        if chain.weight > best.weight and (chain.stop is not None or kinds is not ANYTHING):
            best = chain
        if best.length == total:
            return _of_life_or_transaction(account, best)
    rest = _from_first(account)
    # The register at the start is one more that is explained, if there is one.
    if rest is not None and rest.chain.length > best.length + (account.start_wh is not None):
        return rest
    return _of_life_or_transaction(account, best)


def _of_life_or_transaction(account: Account, chain: Chain) -> Finding:
    """What a chain says, and whether its last register may as well go on with that at the start: at a new meter both
    are small numbers. Readings of nothing do not speak for the transaction."""
    finding = _from_start(account, chain)
    if chain.stop is None or chain.stop.kind is not Kind.TRANSACTION:
        return finding
    both = (Kind.LIFE, Kind.TRANSACTION)
    other = chain_of(account.moments, account.start_wh or 0, account.stop, both, account.bounds)
    if other.stop is None or other.stop.kind is not Kind.LIFE or other.length < chain.length:
        return finding
    if not any(point.wh for point in chain.points):
        return _from_start(account, other)
    return finding._replace(otherwise_wh=other.stop.energy_wh)


def _from_start(account: Account, chain: Chain) -> Finding:
    reported_wh = account.reported_wh
    if chain.stop is not None and account.start_wh is not None:
        energy_wh: int | None = chain.stop.energy_wh
    elif reported_wh is not None and 0 <= reported_wh <= account.most_wh:
        energy_wh = reported_wh
    elif chain.points:
        energy_wh = chain.points[-1].energy_wh
    elif reported_wh is not None:
        energy_wh = max(reported_wh, 0)
    else:
        energy_wh = None
    return Finding(account, chain, energy_wh)


def _from_first(account: Account) -> Finding | None:
    """What the readings and the stop say without the register at the start; None when they say nothing possible."""
    moments = account.moments if account.begin is None else [account.begin, *account.moments]
    chain = chain_of(moments, 0, account.stop, (Kind.LIFE,), _WITHOUT_BOUNDS)
    left_out = account.start_wh
    if not _is_possible(chain, account.bounds) and chain.length > 2 and chain.points:
        # The first one may be what does not belong to the others.
        chain, left_out = Chain(chain.points[1:], chain.stop), chain.points[0].wh
    if chain.length < 2 or (left_out is not None and not _is_possible(chain, account.bounds)):
        return None
    return Finding(account, chain, _growth(chain), counts_from_first=True, left_out=left_out)


def _is_possible(chain: Chain, bounds: Bounds) -> bool:
    points = chain.all
    return not points or _growth(chain) <= bounds.within(points[-1].time - points[0].time)


def _growth(chain: Chain) -> int:
    points = chain.all
    return max(points[-1].energy_wh - points[0].energy_wh, 0)


def _moments(rows: Iterable[_Row]) -> list[Moment]:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    times, registers_wh, contexts = columns
    return moments_of(times, contexts, registers_wh)
