"""Running cases: several side by side, each with a charge point of its own, and what becomes of each."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from conformance.cases import Case
from conformance.place import Place
from conformance.station import Station
from conformance.verdicts import Failed, NotApplicable, Outcome, Verdict

# Far more than any case takes: one that hangs must not hold the others up.
CASE_SECONDS = 90.0


async def run(cases: Sequence[Case], place: Place, at_once: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """What became of each, in their order; `tell` hears of each as it ends. Raises Failed when nobody can be asked."""
    await place.prepare()
    bound = asyncio.Semaphore(at_once)

    async def one(case: Case) -> Outcome:
        async with bound:
            outcome = await _judged(case, place)
        tell(outcome)
        return outcome

    try:
        return list(await asyncio.gather(*(one(case) for case in cases)))
    finally:
        await place.tidy()


async def _judged(case: Case, place: Place) -> Outcome:
    if case.run is None:
        return Outcome(
            case.id, case.version, case.requirement, Verdict.TO_COME, case.block or "its case is not written"
        )
    name = f"{case.version.replace('.', '')}-{case.id.removesuffix('_CSMS').replace('_', '-')}"
    station = Station(case.version, f"CT{place.run}-{name}", place)
    began = time.monotonic()
    try:
        verdict, reason = await _tried(case, station)
    finally:
        await station.disconnect()
    frames = [] if verdict is Verdict.PASS else list(station.frames)
    seconds = round(time.monotonic() - began, 2)
    return Outcome(case.id, case.version, case.requirement, verdict, reason, seconds, frames)


async def _tried(case: Case, station: Station) -> tuple[Verdict, str]:
    assert case.run is not None
    try:
        await station.place.register(station.identity, state=case.state)
        async with asyncio.timeout(CASE_SECONDS):
            await case.run(station)
        await station.disconnect()
    except NotApplicable as reason:
        return Verdict.NOT_APPLICABLE, str(reason)
    except Failed as failure:
        return Verdict.FAIL, "; ".join([str(failure), *station.broken])
    except TimeoutError:
        return Verdict.FAIL, f"expected an end within {CASE_SECONDS:g} s, seen none"
    except Exception as error:
        # A case with a mistake in it is told as a failure of its own, and the others go on.
        return Verdict.FAIL, f"the case is wrong: {type(error).__name__}: {error} ({_place_of(error)})"
    wrong = [*station.broken, *station.unasked()]
    return (
        (Verdict.FAIL, f"expected nothing odd from the CSMS, seen {'; '.join(wrong)}") if wrong else (Verdict.PASS, "")
    )


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
