"""How sessions went, as the transaction service tells it."""

from datetime import timedelta

from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from services.billing.domain.course import Reading
from services.chassis.protobuf import read_time

_NOT_READ = -1


def readings_of(curve: transaction_pb.EnergyCurve) -> list[Reading]:
    """The points of an energy curve."""
    begin = read_time(curve.begin_time)
    return [
        Reading(begin + timedelta(seconds=offset), energy_wh, None if power_w == _NOT_READ else power_w)
        for offset, energy_wh, power_w in zip(curve.offsets_seconds, curve.energies_wh, curve.powers_w, strict=True)
    ]
