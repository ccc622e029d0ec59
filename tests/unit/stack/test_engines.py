"""How many connections there are to PostgreSQL, and how many services may have."""

import inspect
import re
from pathlib import Path

import services
import stack
from services.postgres.database import Database
from stack.engines import CONNECTIONS_PER_REPLICA

NAMES = ("station", "driver", "billing", "monitoring", "transaction")
# Superusers keep some for themselves, and so do migrations, backups and people who look.
SPARE = 10


def _source(name: str) -> str:
    folder = Path(services.__path__[0]) / name
    return "\n".join(file.read_text() for file in folder.rglob("*.py"))


def _most_of(name: str) -> int:
    """As many as one process of a service ever holds."""
    default = {key: value.default for key, value in inspect.signature(Database).parameters.items()}
    pools: int = 2 * (default["pool_size"] + default["overflow"])
    source = _source(name)
    assert "raw_transaction(" not in source, "a third pool is opened: count it"
    lone = len(re.findall(r"\.raw\(", source)) + len(re.findall(r"WriterConnection\(", source))
    several = re.findall(r"WriterConnections\(.*, (\w+)\)", source)
    named = [int(count) for word in several for count in re.findall(rf"^{word} = (\d+)$", source, re.MULTILINE)]
    assert len(named) == len(several)
    return pools + lone + sum(named) + 1  # the relay's


def test_one_replica_of_each_service_stays_within_its_share() -> None:
    assert sum(map(_most_of, NAMES)) + SPARE <= CONNECTIONS_PER_REPLICA


def test_a_composed_server_has_room_for_two_of_each() -> None:
    composed = (Path(stack.__path__[0]).parent / "docker-compose.yml").read_text()
    [connections] = re.findall(r"max_connections=(\d+)", composed)
    assert int(connections) >= 2 * CONNECTIONS_PER_REPLICA
