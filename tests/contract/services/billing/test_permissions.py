"""Who may do what: the rules of the contracts, enforced by the running service."""

from collections.abc import Mapping
from typing import Any

import pytest

from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1.billing_service_pb2 import (
    CompleteChargingSessionRequest,
    CreateChargingSessionRequest,
    ExplainChargingSessionRequest,
    GetChargingSessionRequest,
    ListChargingSessionsRequest,
)
from csms.billing.v1.decision_service_pb2 import (
    CorrectChargingSessionRequest,
    KeepBillRequest,
    ListSessionDecisionsRequest,
    ReleaseChargingSessionRequest,
    WriteOffChargingSessionRequest,
)
from csms.billing.v1.invoice_party_service_pb2 import (
    GetInvoiceCustomerRequest,
    ListInvoiceCustomersRequest,
    UpdateInvoiceCustomerRequest,
    UpdateInvoiceSellerRequest,
)
from csms.billing.v1.invoice_service_pb2 import (
    ExportInvoicesRequest,
    GetInvoicePdfRequest,
    GetInvoiceRequest,
    GetInvoiceXmlRequest,
    ListInvoicesRequest,
    WriteOffInvoiceRequest,
)
from csms.billing.v1.payment_service_pb2 import (
    CreatePaymentMethodRequest,
    CreatePaymentRequest,
    ListPaymentMethodsRequest,
    ListPaymentsRequest,
)
from csms.billing.v1.tariff_service_pb2 import (
    CalculatePriceRequest,
    CreateTariffRequest,
    GetTariffRequest,
    ListTariffsRequest,
    UpdateTariffRequest,
)
from services.kernel.errors import ErrorKind
from tests.contract.services.billing.conftest import Bill, Caller
from tests.contract.services.billing.messages import DRIVER, OTHER_DRIVER, refusal
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService

# Every RPC with a request that goes no further than to be refused as bad or unknown.
CALLS: Mapping[str, Any] = {
    "CreateTariff": ("tariffs", CreateTariffRequest()),
    "UpdateTariff": ("tariffs", UpdateTariffRequest()),
    "GetTariff": ("tariffs", GetTariffRequest()),
    "ListTariffs": ("tariffs", ListTariffsRequest(page_size=-1)),
    "CalculatePrice": ("tariffs", CalculatePriceRequest(energy_wh=-1)),
    "ListChargingSessions": ("sessions", ListChargingSessionsRequest(page_size=-1)),
    "GetChargingSession": ("sessions", GetChargingSessionRequest()),
    "ExplainChargingSession": ("sessions", ExplainChargingSessionRequest()),
    "CreateChargingSession": ("sessions", CreateChargingSessionRequest()),
    "CompleteChargingSession": ("sessions", CompleteChargingSessionRequest()),
    "ListInvoices": ("invoices", ListInvoicesRequest(page_size=-1)),
    "GetInvoice": ("invoices", GetInvoiceRequest()),
    "GetInvoicePdf": ("invoices", GetInvoicePdfRequest()),
    "ExportInvoices": ("invoices", ExportInvoicesRequest(format=9)),  # type: ignore[arg-type]
    "WriteOffInvoice": ("invoices", WriteOffInvoiceRequest()),
    "GetInvoiceXml": ("invoices", GetInvoiceXmlRequest()),
    "ListPayments": ("payments", ListPaymentsRequest(page_size=-1)),
    "CreatePayment": ("payments", CreatePaymentRequest()),
    "ListPaymentMethods": ("payments", ListPaymentMethodsRequest(page_size=-1)),
    "CreatePaymentMethod": ("payments", CreatePaymentMethodRequest()),
    "UpdateInvoiceSeller": ("parties", UpdateInvoiceSellerRequest()),
    "ListInvoiceCustomers": ("parties", ListInvoiceCustomersRequest(page_size=-1)),
    "GetInvoiceCustomer": ("parties", GetInvoiceCustomerRequest()),
    "UpdateInvoiceCustomer": ("parties", UpdateInvoiceCustomerRequest()),
    "ReleaseChargingSession": ("decisions", ReleaseChargingSessionRequest()),
    "CorrectChargingSession": ("decisions", CorrectChargingSessionRequest()),
    "WriteOffChargingSession": ("decisions", WriteOffChargingSessionRequest()),
    "KeepBill": ("decisions", KeepBillRequest()),
    "ListSessionDecisions": ("decisions", ListSessionDecisionsRequest(page_size=-1)),
}
EXPORTS = {"GetInvoicePdf", "GetInvoiceXml"}
READS = {name for name in CALLS if name.startswith(("List", "Get", "Explain"))} - EXPORTS | {"CalculatePrice"}
MAY: Mapping[str, set[str]] = {
    "admin": set(CALLS),
    "operator": set(CALLS),
    "viewer": READS,
    "driver": READS - {"ListSessionDecisions", "ListInvoiceCustomers", "GetInvoiceCustomer"} | {"CreatePaymentMethod"},
}


@pytest.mark.parametrize("role", list(MAY))
async def test_a_role_may_call_what_the_contracts_say(service: RunningService, role: str) -> None:
    claims = {"driver_id": DRIVER} if role == "driver" else {}
    caller = Caller(await service.channel(role, **claims))
    refused = {
        name: await refusal(getattr(getattr(caller, of), name)(request)) for name, (of, request) in CALLS.items()
    }
    admitted = {name for name, error in refused.items() if error.kind is ErrorKind.INVALID_ARGUMENT}
    assert admitted == MAY[role]
    assert {error.kind for name, error in refused.items() if name not in admitted} <= {ErrorKind.PERMISSION_DENIED}


async def test_nobody_without_a_token_may_call_anything(service: RunningService) -> None:
    caller = Caller(await service.anonymous_channel())
    for of, name, request in ((of, name, request) for name, (of, request) in CALLS.items()):
        assert (await refusal(getattr(getattr(caller, of), name)(request))).kind is ErrorKind.UNAUTHENTICATED


async def test_a_driver_sees_what_is_his(
    service: RunningService, admin: Caller, bill: Bill, neighbours: Neighbours
) -> None:
    neighbours.tiers.update({DRIVER: "BASIC", OTHER_DRIVER: "BASIC"})
    own, foreign, nobodys = await bill(), await bill(driver_id=OTHER_DRIVER), await bill(driver_id="")
    for invoice in (own, foreign, nobodys):
        await admin.payments.CreatePayment(CreatePaymentRequest(payment=invoice_pb.Payment(invoice_id=invoice.id)))
    driver = Caller(await service.channel("driver", driver_id=DRIVER))

    sessions = (await driver.sessions.ListChargingSessions(ListChargingSessionsRequest())).charging_sessions
    assert [one.id for one in sessions] == [own.charging_session_id]
    assert [one.id for one in (await driver.invoices.ListInvoices(ListInvoicesRequest())).invoices] == [own.id]
    assert [one.invoice_id for one in (await driver.payments.ListPayments(ListPaymentsRequest())).payments] == [own.id]
    assert (await driver.invoices.GetInvoice(GetInvoiceRequest(id=own.id))).invoice.id == own.id
    request = GetChargingSessionRequest(id=own.charging_session_id)
    assert (await driver.sessions.GetChargingSession(request)).charging_session.driver_id == DRIVER

    for invoice in (foreign, nobodys):
        refused = await refusal(driver.invoices.GetInvoice(GetInvoiceRequest(id=invoice.id)))
        assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "INVOICE_NOT_FOUND")
        request = GetChargingSessionRequest(id=invoice.charging_session_id)
        refused = await refusal(driver.sessions.GetChargingSession(request))
        assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "CHARGING_SESSION_NOT_FOUND")
    for call in (
        driver.sessions.ListChargingSessions(ListChargingSessionsRequest(driver_id=OTHER_DRIVER)),
        driver.invoices.ListInvoices(ListInvoicesRequest(driver_id=OTHER_DRIVER)),
        driver.payments.ListPayments(ListPaymentsRequest(driver_id=OTHER_DRIVER)),
        driver.payments.ListPaymentMethods(ListPaymentMethodsRequest(driver_id=OTHER_DRIVER)),
    ):
        assert (await refusal(call)).kind is ErrorKind.PERMISSION_DENIED


async def test_a_driver_adds_methods_for_himself_alone(service: RunningService, neighbours: Neighbours) -> None:
    neighbours.tiers.update({DRIVER: "BASIC", OTHER_DRIVER: "BASIC"})
    PaymentMethod = invoice_pb.PaymentMethod
    driver = Caller(await service.channel("driver", driver_id=DRIVER))
    request = CreatePaymentMethodRequest(payment_method=PaymentMethod(kind=PaymentMethod.CARD, label="My card"))
    made = (await driver.payments.CreatePaymentMethod(request)).payment_method
    assert made.driver_id == DRIVER
    request.payment_method.driver_id = OTHER_DRIVER
    assert (await refusal(driver.payments.CreatePaymentMethod(request))).kind is ErrorKind.PERMISSION_DENIED
    listed = await driver.payments.ListPaymentMethods(ListPaymentMethodsRequest())
    assert [one.id for one in listed.payment_methods] == [made.id]


@pytest.mark.field_case("E1")
async def test_a_service_may_call_what_it_needs_and_nothing_else(service: RunningService) -> None:
    caller = Caller(await service.internal_channel("monitoring"))
    assert (await caller.sessions.ListChargingSessions(ListChargingSessionsRequest())).total_size == 0
    for name, (of, request) in CALLS.items():
        refused = await refusal(getattr(getattr(caller, of), name)(request))
        needed = name == "ListChargingSessions"
        assert refused.kind is (ErrorKind.INVALID_ARGUMENT if needed else ErrorKind.PERMISSION_DENIED), name
