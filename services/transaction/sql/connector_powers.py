"""What connectors can give, in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.postgres.database import bare
from services.postgres.recordset import Recordset
from services.transaction.domain.connector_power import ConnectorPower
from services.transaction.tables import CONNECTOR_POWERS

_POWERS = Recordset(CONNECTOR_POWERS, columns=ConnectorPower._fields)
# In the order of their keys, so that two replicas never wait for each other in a circle.
_NOTE = f"""
INSERT INTO connector_powers AS known ({_POWERS.columns}) SELECT {_POWERS.values} FROM {_POWERS.relation}
ORDER BY a, b, c
ON CONFLICT ON CONSTRAINT connector_powers_pkey DO UPDATE
SET max_power_w = excluded.max_power_w, told_time = excluded.told_time
WHERE known.told_time <= excluded.told_time AND known.max_power_w IS DISTINCT FROM excluded.max_power_w
""".encode()


class SqlConnectorPowerRepository:
    """Satisfies ports.ConnectorPowerRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, powers: Sequence[ConnectorPower]) -> None:
        newest: dict[tuple[str, int, int], ConnectorPower] = {}
        for power in sorted(powers, key=lambda power: power.told_time):
            newest[power[:3]] = power
        if newest:
            await (await bare(self._connection)).execute(_NOTE, (_POWERS.dump(newest.values()),))
