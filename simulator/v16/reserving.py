"""How a 1.6 charge point keeps a connector for somebody (OCPP 1.6, 5.4 and 5.13)."""

from typing import TYPE_CHECKING, Any

from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from simulator import commands, reserving
from simulator.clock import zoned
from simulator.connector import Reservation
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v16.charge_point import V16ChargePoint


class Reserving(OcppSession):
    """The handlers, mixed into a session."""

    station: "V16ChargePoint"

    @handles(Action.reserve_now)
    def on_reserve_now(
        self,
        connector_id: int,
        expiry_date: str,
        id_tag: str,
        reservation_id: int,
        parent_id_tag: str | None = None,
        **_: Any,
    ) -> Any:
        reservation = Reservation(reservation_id, id_tag, zoned(expiry_date), parent_id_tag)
        answer, connector = reserving.reserve(self.station, connector_id, reservation)
        if connector is not None:
            self.then(reserving.keep(self.station, connector, reservation))
        return call_result.ReserveNow(answer)

    @handles(Action.cancel_reservation)
    def on_cancel_reservation(self, reservation_id: int, **_: Any) -> Any:
        connector = reserving.cancel(self.station, reservation_id)
        if connector is None:
            return call_result.CancelReservation("Rejected")
        self.then(commands.report(self.station, [connector]))
        return call_result.CancelReservation("Accepted")
