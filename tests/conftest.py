"""Makes the engines that tests run on available to every test; each starts when the first test asks for it."""

pytest_plugins = [
    "tests.fixtures.nats",
    "tests.fixtures.postgres",
    "tests.fixtures.tokens",
    "tests.fixtures.services",
    "tests.fixtures.system",
]
