"""How a 2.x charging station keeps an EVSE for somebody (OCPP 2.0.1 part 2, H)."""

from typing import TYPE_CHECKING, Any

from ocpp.v201 import call, call_result
from ocpp.v201.enums import Action

from simulator import commands, reserving
from simulator.clock import zoned
from simulator.connector import Reservation
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint


class Reserving(OcppSession):
    """The handlers, mixed into a session."""

    station: "V201ChargePoint"

    @handles(Action.reserve_now)
    def on_reserve_now(
        self,
        id: int,
        expiry_date_time: str,
        id_token: dict[str, Any],
        evse_id: int | None = None,
        group_id_token: dict[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        group = None if group_id_token is None else group_id_token["id_token"]
        reservation = Reservation(id, id_token["id_token"], zoned(expiry_date_time), group)
        answer, connector = reserving.reserve(self.station, evse_id, reservation)
        if connector is not None:
            self.then(reserving.keep(self.station, connector, reservation, self._expired))
        return call_result.ReserveNow(answer)

    @handles(Action.cancel_reservation)
    def on_cancel_reservation(self, reservation_id: int, **_: Any) -> Any:
        connector = reserving.cancel(self.station, reservation_id)
        if connector is None:
            return call_result.CancelReservation("Rejected")
        self.then(commands.report(self.station, [connector]))
        return call_result.CancelReservation("Accepted")

    async def _expired(self, reservation: Reservation) -> None:
        """H04.FR.01."""
        request = call.ReservationStatusUpdate(reservation.id, "Expired")
        await self.station.tell("ReservationStatusUpdate", request)
