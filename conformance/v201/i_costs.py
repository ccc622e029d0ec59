"""I: what a display shows."""

from datetime import timedelta

from conformance.rest import eventually
from conformance.station import Payload, Station
from conformance.v201.states import Session, booted, now, reading, reboots, status
from conformance.verdicts import same

_HOUR = timedelta(hours=1)


async def tc_i_01(station: Station) -> None:
    """While a transaction goes on, a station that shows costs is told what it costs so far."""
    session = await _shown(station)
    same("cost after 5 kWh", (await _told(session, "Updated", 6_000, _HOUR)).get("totalCost"), 2.0)


async def tc_i_02(station: Station) -> None:
    """The answer to the end of a transaction tells what it has cost."""
    session = await _shown(station)
    same("cost of 10 kWh", (await _told(session, "Ended", 11_000)).get("totalCost"), 4.0)


async def _shown(station: Station) -> Session:
    """A transaction that began two hours ago, at a station that has told that it shows costs."""
    await station.place.priced(station.identity)
    await booted(station)
    entries = [_variable({"name": "Enabled", "instance": "Cost"}, "true"), _variable({"name": "Currency"}, "EUR")]
    report = {"requestId": 1, "generatedAt": now(), "seqNo": 0, "tbc": False, "reportData": entries}
    await station.acknowledged("NotifyReport", report)

    async def known() -> bool:
        seen = await station.operator.get(f"/charge-points/{station.identity}")
        return bool(seen["costCurrency"] == "EUR")

    await eventually("the CSMS knows that costs are shown", known)
    await reboots(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    begin = [reading(1_000, "Transaction.Begin", ago=2 * _HOUR)]
    await session.tell("Started", "Authorized", tag=tag, state="Charging", ago=2 * _HOUR, meterValue=begin)

    async def priced() -> bool:
        return bool(await station.operator.get(f"/charging-sessions?chargePointId={station.identity}"))

    await eventually("there is a charging session", priced)
    return session


async def _told(session: Session, kind: str, wh: float, ago: timedelta = timedelta()) -> Payload:
    sample = [reading(wh, "Transaction.End" if kind == "Ended" else "Sample.Periodic", ago=ago)]
    more = {"info": {"stoppedReason": "Local"}} if kind == "Ended" else {"state": "Charging"}
    await session.tell(kind, "MeterValuePeriodic", ago=ago, meterValue=sample, **more)
    return session.answer


def _variable(name: Payload, value: str) -> Payload:
    return {
        "component": {"name": "TariffCostCtrlr"},
        "variable": name,
        "variableAttribute": [{"type": "Actual", "value": value, "mutability": "ReadWrite"}],
    }
