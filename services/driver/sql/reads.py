"""What is read of drivers for each token that is presented, in a round trip: no unit of work is begun for it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from services.driver.ports.drivers import HeldCard
from services.driver.sql.drivers import driver_of
from services.driver.sql.rfid_cards import card_of
from services.driver.tables import DRIVERS, RFID_CARDS
from services.postgres.readers import Readers
from services.postgres.recordset import text_array, texts

_WITH_HOLDERS = f"""
SELECT {texts(RFID_CARDS.c, "card")}, {texts(DRIVERS.c, "driver")}
FROM rfid_cards AS card LEFT JOIN drivers AS driver ON driver.id = card.driver_id
WHERE card.id_tag = ANY (%s::text[])
""".encode()
_CARD_WIDTH = len(RFID_CARDS.c)
_HOLDER_ID = _CARD_WIDTH + list(DRIVERS.c).index(DRIVERS.c.id)


class SqlHeldCards:
    """Satisfies ports.HeldCards."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def with_values(self, values: Collection[str]) -> Mapping[str, Sequence[HeldCard]]:
        [rows] = await self._readers.ask((_WITH_HOLDERS, (text_array(values),)))
        found: defaultdict[str, list[HeldCard]] = defaultdict(list)
        for row in rows:
            card = card_of(row[:_CARD_WIDTH])
            found[card.id_tag].append((card, None if row[_HOLDER_ID] is None else driver_of(row[_CARD_WIDTH:])))
        return found
