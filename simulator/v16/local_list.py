"""How a 1.6 charge point takes its local authorization list (OCPP 1.6, 5.10 and 5.15)."""

from typing import TYPE_CHECKING, Any

from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from simulator.clock import moment
from simulator.configuration import Role
from simulator.local_list import Entry
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v16.charge_point import V16ChargePoint

_NOT_SUPPORTED = -1


class LocalLists(OcppSession):
    """The handlers, mixed into a session."""

    station: "V16ChargePoint"

    @handles(Action.send_local_list)
    def on_send_local_list(
        self,
        list_version: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        if not self.station.configuration.flag(Role.LOCAL_LIST):
            return call_result.SendLocalList("NotSupported")
        entries = [(said["id_tag"], _entry(said.get("id_tag_info"))) for said in local_authorization_list or ()]
        return call_result.SendLocalList(self.station.local_list.update(list_version, update_type, entries))

    @handles(Action.get_local_list_version)
    def on_get_local_list_version(self, **_: Any) -> Any:
        is_enabled = self.station.configuration.flag(Role.LOCAL_LIST)
        return call_result.GetLocalListVersion(self.station.local_list.version if is_enabled else _NOT_SUPPORTED)


def _entry(info: dict[str, Any] | None) -> Entry | None:
    if info is None:
        return None
    return Entry(info["status"], moment(info.get("expiry_date")), info.get("parent_id_tag"))
