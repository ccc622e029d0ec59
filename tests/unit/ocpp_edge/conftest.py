"""A bench with one 1.6 connection, taken down after the test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.ocpp_edge.harness import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.end()
