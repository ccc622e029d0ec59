"""What callers and the transaction service send, with usual values for what a test does not care about."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc.aio
import pytest
from google.type.money_pb2 import Money as MoneyMessage

from csms.billing.v1 import invoice_party_pb2 as party_pb
from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1 import tariff_service_pb2 as tariff_service_pb
from csms.event.v1.domain_event_pb2 import DomainEvent, TransactionChanged
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1.transaction_service_pb2 import ChargingStates, EnergyCurve
from services.billing.mapping.money import price_to_proto
from services.kernel.errors import DomainError
from services.kernel.ids import derived_id, new_id
from services.messaging.event_batches import OutgoingEvent
from services.messaging.subjects import subject
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from tests.fixtures.shorthand import with_flags

STATION = derived_id("station", 1)
DRIVER = derived_id("driver", 1)
OTHER_DRIVER = derived_id("driver", 2)
# Two hours ago, so that what began then has gone on for a while and ended before now.
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
END = START + timedelta(hours=1)


def component(kind: str = "ENERGY", price: str = "0.40", **fields: Any) -> tariff_pb.PriceComponent:
    return tariff_pb.PriceComponent(
        kind=tariff_pb.PriceComponent.Kind.Value(kind), price=price_to_proto(Decimal(price), ""), **fields
    )


def tariff(*components: tariff_pb.PriceComponent, **fields: Any) -> tariff_pb.Tariff:
    """A tariff in euros: 0.40 a kWh without other components."""
    return tariff_pb.Tariff(
        **{"name": "Standard", "currency_code": "EUR", "components": components or [component()], **fields}
    )


def seller(**fields: Any) -> party_pb.InvoiceSeller:
    """Who issues invoices, with all that is asked for."""
    return party_pb.InvoiceSeller(
        **{
            "name": "Operator GmbH",
            "address": _address("Quay 1", "10115", "Berlin", "DE"),
            "vat_id": "DE136695976",
            "iban": "DE89370400440532013000",
            **fields,
        }
    )


def customer(**fields: Any) -> party_pb.InvoiceCustomer:
    """To whom invoices are addressed, with all that is asked for."""
    return party_pb.InvoiceCustomer(
        **{"name": "Fleet BV", "address": _address("Dam 2", "1012", "Amsterdam", "NL"), **fields}
    )


def _address(street: str, post_code: str, city: str, country_code: str) -> party_pb.PostalAddress:
    return party_pb.PostalAddress(street=street, post_code=post_code, city=city, country_code=country_code)


def new_tariff(*components: tariff_pb.PriceComponent, **fields: Any) -> tariff_service_pb.CreateTariffRequest:
    return tariff_service_pb.CreateTariffRequest(tariff=tariff(*components, **fields))


def money(amount: str, currency: str = "EUR") -> MoneyMessage:
    return price_to_proto(Decimal(amount), currency)


def amount(message: MoneyMessage) -> str:
    """For example `4.76 EUR`."""
    return f"{message.units + Decimal(message.nanos) / 10**9:.2f} {message.currency_code}"


def transaction(number: int = 1, revision: int = 1, **fields: Any) -> transaction_pb.Transaction:
    """An accepted session of the driver at the station that used 10 kWh in an hour."""
    return transaction_pb.Transaction(
        **{
            "id": derived_id("transaction", number),
            "charge_point_id": f"CP{number}",
            "connector_id": 1,
            "station_id": STATION,
            "driver_id": DRIVER,
            "id_tag": "TAG1",
            "state": transaction_pb.Transaction.ENDED,
            "authorization": transaction_pb.Transaction.ACCEPTED,
            "start_time": timestamp(START),
            "stop_time": timestamp(END),
            "energy_wh": 10_000,
            "revision": revision,
            "create_time": timestamp(START),
            "update_time": timestamp(END),
            **with_flags(fields),
        }
    )


def running_transaction(number: int = 1, revision: int = 1, **fields: Any) -> transaction_pb.Transaction:
    """One that has not ended."""
    running = {"state": transaction_pb.Transaction.ACTIVE, "stop_time": None}
    return transaction(number, revision, **{**running, **fields})


def curve(number: int, *points: tuple[float, int] | tuple[float, int, int], start: datetime = START) -> EnergyCurve:
    """That of a transaction: by minutes since the start its energy, and its power where it was read."""
    return EnergyCurve(
        transaction_id=derived_id("transaction", number),
        begin_time=timestamp(start),
        offsets_seconds=[int(minutes * 60) for minutes, *_ in points],
        energies_wh=[energy_wh for _, energy_wh, *_ in points],
        powers_w=[power[0] if power else -1 for _, _, *power in points],
    )


def states(number: int, *changes: tuple[float, str], start: datetime = START) -> ChargingStates:
    """Those of a transaction: by minutes since the start."""
    return ChargingStates(
        transaction_id=derived_id("transaction", number),
        changes=[
            transaction_pb.ChargingStateChange(time=timestamp(start + timedelta(minutes=minutes)), charging_state=state)
            for minutes, state in changes
        ],
    )


def session_id(number: int = 1) -> str:
    """The id of the charging session of a transaction."""
    return derived_id("charging session", derived_id("transaction", number))


def reported(message: transaction_pb.Transaction, event_id: str | None = None) -> OutgoingEvent:
    """The event that tells of a transaction; each has its own message id, as if the stream had forgotten the others."""
    event = DomainEvent(
        id=event_id or new_id(),
        subject=subject("transaction_changed", "updated", message.charge_point_id),
        transaction_changed=TransactionChanged(transaction=message),
    )
    event.create_time.GetCurrentTime()
    return OutgoingEvent(new_id(), event.subject, event.SerializeToString())


async def refusal(call: Awaitable[Any]) -> DomainError:
    """Why a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return from_rpc_error(failed.value)


def fields_of(error: DomainError) -> Sequence[str]:
    return [violation.field for violation in error.violations]
