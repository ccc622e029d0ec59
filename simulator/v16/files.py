"""How a 1.6 charge point answers commands about firmware and logs, those of the security whitepaper among them."""

from typing import TYPE_CHECKING, Any

from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action

from simulator import files
from simulator.session import OcppSession, handles

if TYPE_CHECKING:
    from simulator.v16.charge_point import V16ChargePoint

_LOG_NAME = "diagnostics.log"


class FileObedience(OcppSession):
    """The handlers."""

    station: "V16ChargePoint"

    @handles(Action.update_firmware)
    def on_update_firmware(self, location: str, **_: Any) -> Any:
        self.then(files.update_firmware(self.station, location, self._tells_firmware))
        return call_result.UpdateFirmware()

    @handles(Action.signed_update_firmware)
    def on_signed_update_firmware(self, request_id: int, firmware: dict[str, Any], **_: Any) -> Any:
        async def tell(status: str) -> None:
            notice = call.SignedFirmwareStatusNotification(status=status, request_id=request_id)
            await self.station.tell("SignedFirmwareStatusNotification", notice)

        self.then(files.update_firmware(self.station, firmware["location"], tell))
        return call_result.SignedUpdateFirmware("Accepted")

    @handles(Action.get_diagnostics)
    def on_get_diagnostics(self, location: str, **_: Any) -> Any:
        self.then(files.send_log(self.station, location, _LOG_NAME, self._tells_diagnostics))
        return call_result.GetDiagnostics(_LOG_NAME)

    @handles(Action.get_log)
    def on_get_log(self, log: dict[str, Any], request_id: int, **_: Any) -> Any:
        async def tell(status: str) -> None:
            notice = call.LogStatusNotification(status=status, request_id=request_id)
            await self.station.tell("LogStatusNotification", notice)

        self.then(files.send_log(self.station, log["remote_location"], _LOG_NAME, tell))
        return call_result.GetLog("Accepted", filename=_LOG_NAME)

    async def _tells_firmware(self, status: str) -> None:
        await self.station.tell("FirmwareStatusNotification", call.FirmwareStatusNotification(status))

    async def _tells_diagnostics(self, status: str) -> None:
        word = "UploadFailed" if status == "UploadFailure" else status
        await self.station.tell("DiagnosticsStatusNotification", call.DiagnosticsStatusNotification(word))
