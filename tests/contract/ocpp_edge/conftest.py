"""One gateway for each test, on the event loop that production uses."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.ocpp_edge.edge import Edge, running
from tests.contract.ocpp_edge.node import Node, Starter, starting
from tests.contract.ocpp_edge.platform import Platform, running_platform
from tests.fixtures.loops import pytest_asyncio_loop_factories
from tests.fixtures.tokens import Tokens

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with running() as edge:
        yield edge


@pytest.fixture
async def platform(tokens: Tokens) -> AsyncIterator[Platform]:
    async with running_platform(tokens) as platform:
        yield platform


@pytest.fixture
async def start_node(tokens: Tokens, platform: Platform) -> AsyncIterator[Starter]:
    async with starting(tokens, platform) as start:
        yield start


@pytest.fixture
async def node(start_node: Starter) -> Node:
    return await start_node()
