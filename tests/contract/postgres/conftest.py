from tests.fixtures.loops import pytest_asyncio_loop_factories
from tests.fixtures.sample.fixtures import bus, database, database_url

__all__ = ["bus", "database", "database_url", "pytest_asyncio_loop_factories"]
