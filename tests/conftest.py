"""Makes the engines that tests run on available to every test; each starts when the first test asks for it."""

import os

# Engines are started beside running gRPC servers, whose fork handlers can crash a child before it becomes its program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

pytest_plugins = [
    "tests.fixtures.nats",
    "tests.fixtures.postgres",
    "tests.fixtures.tokens",
    "tests.fixtures.services",
    "tests.fixtures.system",
]
