"""UnpublishFirmware (OCPP 2.x)."""

from csms.transaction.v1.file_commands_pb2 import UnpublishFirmware
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.effects import in_ledger


def ask(body: UnpublishFirmware, _command_id: str) -> Asked:
    return "UnpublishFirmware", {"checksum": body.checksum}


# What is not published any more is what was asked for.
COMMAND = Dialect(ask, by_status("Unpublished", "NoFirmware"), effects={"UnpublishFirmware": in_ledger()})
