"""Drivers and cards to begin with; `made(DRIVER, name="Ann")` is one that differs."""

from datetime import UTC, datetime

from services.driver.domain.driver import Driver
from services.driver.domain.rfid_card import RfidCard
from services.kernel.errors import DomainError

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

DRIVER = Driver(id="01890a5d-ac96-774b-bcce-b302099a8057", name="Ann", create_time=NOW, update_time=NOW)
CARD = RfidCard(
    id="01890a5d-ac96-774b-bcce-b302099a8058", id_tag="04AB", driver_id=DRIVER.id, create_time=NOW, update_time=NOW
)


def fields_of(error: DomainError) -> list[str]:
    """The fields at fault."""
    return [violation.field for violation in error.violations]
