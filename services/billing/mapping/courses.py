"""How sessions went, as the transaction service tells it."""

from datetime import timedelta

from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from services.billing.domain.course import Course, Reading, StateChange
from services.rpc.protobuf import read_time

_NOT_READ = -1


def courses(
    curves: transaction_pb.BatchGetEnergyCurvesResponse, states: transaction_pb.BatchGetChargingStatesResponse
) -> dict[str, Course]:
    """By the ids of transactions, of those of which anything is known."""
    readings = {curve.transaction_id: _readings(curve) for curve in curves.transactions}
    changes = {one.transaction_id: _changes(one) for one in states.transactions}
    return {name: Course(readings.get(name, ()), changes.get(name, ())) for name in readings.keys() | changes.keys()}


def _readings(curve: transaction_pb.EnergyCurve) -> list[Reading]:
    begin = read_time(curve.begin_time)
    return [
        Reading(begin + timedelta(seconds=offset), energy_wh, None if power_w == _NOT_READ else power_w)
        for offset, energy_wh, power_w in zip(curve.offsets_seconds, curve.energies_wh, curve.powers_w, strict=True)
    ]


def _changes(transaction: transaction_pb.ChargingStates) -> list[StateChange]:
    return [StateChange(read_time(change.time), change.charging_state) for change in transaction.changes]
