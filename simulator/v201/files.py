"""How a charging station of OCPP 2.x answers commands about firmware and logs."""

from typing import TYPE_CHECKING, Any

from ocpp.v201 import call, call_result
from ocpp.v201.enums import Action

from simulator import files
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v201.charge_point import V201ChargePoint

_LOG_NAME = "station.log"


class FileObedience(OcppSession):
    """The handlers."""

    station: "V201ChargePoint"

    @handles(Action.update_firmware)
    def on_update_firmware(self, request_id: int, firmware: dict[str, Any], **_: Any) -> Any:
        async def tell(status: str) -> None:
            notice = call.FirmwareStatusNotification(status=status, request_id=request_id)
            await self.station.tell("FirmwareStatusNotification", notice)

        self.then(files.update_firmware(self.station, firmware["location"], tell))
        return call_result.UpdateFirmware("Accepted")

    @handles(Action.get_log)
    def on_get_log(self, log: dict[str, Any], request_id: int, **_: Any) -> Any:
        async def tell(status: str) -> None:
            notice = call.LogStatusNotification(status=status, request_id=request_id)
            await self.station.tell("LogStatusNotification", notice)

        self.then(files.send_log(self.station, log["remote_location"], _LOG_NAME, tell))
        return call_result.GetLog("Accepted", filename=_LOG_NAME)

    @handles(Action.publish_firmware)
    def on_publish_firmware(self, location: str, checksum: str, request_id: int, **_: Any) -> Any:
        async def tell(status: str) -> None:
            places = [location] if status == "Published" else None
            notice = call.PublishFirmwareStatusNotification(status, location=places, request_id=request_id)
            await self.station.tell("PublishFirmwareStatusNotification", notice)

        self.then(files.publish_firmware(self.station, location, checksum, tell))
        return call_result.PublishFirmware("Accepted")

    @handles(Action.unpublish_firmware)
    def on_unpublish_firmware(self, checksum: str, **_: Any) -> Any:
        return call_result.UnpublishFirmware(files.unpublish_firmware(self.station, checksum))
