"""How many connections there are to PostgreSQL, and how many services may have."""

import inspect
import re
from pathlib import Path

import services
import stack
from services.postgres.database import Database
from services.postgres.gathering import GatheringTransactions
from services.postgres.readers import Readers
from stack.engines import CONNECTIONS_PER_REPLICA

NAMES = ("station", "driver", "billing", "monitoring", "transaction")
# Superusers keep some for themselves, and so do migrations, backups and people who look.
SPARE = 10


def _source(name: str) -> str:
    folder = Path(services.__path__[0]) / name
    return "\n".join(file.read_text() for file in folder.rglob("*.py"))


def _default(of: type, parameter: str) -> int:
    default: int = inspect.signature(of).parameters[parameter].default
    return default


def _most_of(name: str) -> int:
    """As many as one process of a service ever holds."""
    pools = 2 * (_default(Database, "pool_size") + _default(Database, "overflow"))
    source = _source(name)
    assert "raw_transaction(" not in source, "a third pool is opened: count it"
    lone = len(re.findall(r"\.raw\(", source)) + len(re.findall(r"WriterConnection\(", source))
    several = re.findall(r"WriterConnections\(.*, (\w+)\)", source)
    named = [int(count) for word in several for count in re.findall(rf"^{word} = (\d+)$", source, re.MULTILINE)]
    assert len(named) == len(several)
    # Those of the platform and those of tenants.
    kept = 2 * sum(
        _default(keeper, "count") * len(re.findall(rf"\b{keeper.__name__}\(database\)", source))
        for keeper in (Readers, GatheringTransactions)
    )
    # A consumer of events works on one batch at a time.
    consumers = len(re.findall(r"await consume(?:_batches)?\(", source))
    return pools + lone + sum(named) + kept + consumers + 1  # the relay's


def test_one_replica_of_each_service_stays_within_its_share() -> None:
    assert sum(map(_most_of, NAMES)) + SPARE <= CONNECTIONS_PER_REPLICA


def test_a_composed_server_has_room_for_two_of_each() -> None:
    composed = (Path(stack.__path__[0]).parent / "docker-compose.yml").read_text()
    [connections] = re.findall(r"max_connections=(\d+)", composed)
    assert int(connections) >= 2 * CONNECTIONS_PER_REPLICA
