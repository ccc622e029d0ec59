"""Makes the engines that tests run on available to every test; each starts when the first test asks for it."""

import gc
import os

# Engines are started beside running gRPC servers, whose fork handlers can crash a child before it becomes its program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

pytest_plugins = [
    "tests.fixtures.nats",
    "tests.fixtures.otlp",
    "tests.fixtures.postgres",
    "tests.fixtures.properties",
    "tests.fixtures.tokens",
    "tests.fixtures.services",
    "tests.fixtures.system",
]


def pytest_collection_finish() -> None:
    # As services do when they have started: what was imported stays, and is not looked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
