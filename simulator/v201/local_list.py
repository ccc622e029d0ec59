"""How a 2.x charging station takes its local authorization list (OCPP 2.0.1 part 2, D01 and D02)."""

from typing import TYPE_CHECKING, Any

from ocpp.v201 import call_result
from ocpp.v201.enums import Action

from simulator.clock import moment
from simulator.configuration import Role
from simulator.local_list import Entry
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint


class LocalLists(OcppSession):
    """The handlers, mixed into a session."""

    station: "V201ChargePoint"

    @handles(Action.send_local_list)
    def on_send_local_list(
        self,
        version_number: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        if not self.station.configuration.flag(Role.LOCAL_LIST):
            return call_result.SendLocalList("Failed", {"reason_code": "NotEnabled"})
        entries = [
            (said["id_token"]["id_token"], _entry(said.get("id_token_info"))) for said in local_authorization_list or ()
        ]
        return call_result.SendLocalList(self.station.local_list.update(version_number, update_type, entries))

    @handles(Action.get_local_list_version)
    def on_get_local_list_version(self, **_: Any) -> Any:
        is_enabled = self.station.configuration.flag(Role.LOCAL_LIST)
        return call_result.GetLocalListVersion(self.station.local_list.version if is_enabled else 0)


def _entry(info: dict[str, Any] | None) -> Entry | None:
    if info is None:
        return None
    group = info.get("group_id_token")
    return Entry(info["status"], moment(info.get("cache_expiry_date_time")), group and group["id_token"])
