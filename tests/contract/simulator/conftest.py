"""Charge points and a tiny central system for them to talk to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from fractions import Fraction

import pytest

from simulator.charge_point import ChargePoint
from simulator.charging import ChargingPlan
from simulator.clock import DeviceClock
from simulator.configuration import Role
from simulator.dialects import DIALECTS
from simulator.link import Timing
from simulator.transport import Endpoint, FrameSink
from tests.fixtures.tiny_csms import TinyCsms, csms

__all__ = ["csms"]

MakeStation = Callable[..., ChargePoint]

QUICK = Timing(response_timeout=1.0, reboot=0.01, reconnect_first=0.02, reconnect_ceiling=0.05, boot_retry=0.05)
# 100 Wh at 36 kW: 10 device seconds, in a tenth of a real one.
PLAN = ChargingPlan(power_w=36_000, energy_wh=100, seconds=10, rate=Fraction(100))


@pytest.fixture
def make_station(csms: TinyCsms) -> MakeStation:
    """Builds a charge point of a version that knows the central system and hurries; it is not connected yet."""

    def make(
        protocol: str = "1.6",
        *,
        password: bytes | None = None,
        sinks: tuple[FrameSink, ...] = (),
        timing: Timing = QUICK,
    ) -> ChargePoint:
        station = DIALECTS[protocol](
            "CP001",
            Endpoint(csms.url, password),
            clock=DeviceClock(timedelta(hours=1)),
            timing=timing,
            sinks=sinks,
        )
        station.configuration.assign(Role.MESSAGE_RETRY_INTERVAL, "0")
        return station

    return make


@pytest.fixture
async def station16(make_station: MakeStation) -> AsyncIterator[ChargePoint]:
    """A 1.6 charge point in service."""
    async with AsyncExitStack() as stack:
        yield await _in_service(make_station("1.6"), stack)


@pytest.fixture
async def station201(make_station: MakeStation) -> AsyncIterator[ChargePoint]:
    """A 2.0.1 charging station in service."""
    async with AsyncExitStack() as stack:
        yield await _in_service(make_station("2.0.1"), stack)


@pytest.fixture
async def station21(make_station: MakeStation) -> AsyncIterator[ChargePoint]:
    """A 2.1 charging station in service."""
    async with AsyncExitStack() as stack:
        yield await _in_service(make_station("2.1"), stack)


async def _in_service(station: ChargePoint, stack: AsyncExitStack) -> ChargePoint:
    await stack.enter_async_context(station.running())
    await station.ready(10)
    return station
