"""Who issues invoices and to whom, over gRPC, and what follows for bills."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from csms.billing.v1 import charging_session_pb2 as session_pb
from csms.billing.v1.billing_service_pb2 import CreateChargingSessionRequest, GetChargingSessionRequest
from csms.billing.v1.invoice_party_pb2 import InvoiceCustomer, InvoiceSeller, PostalAddress
from csms.billing.v1.invoice_party_service_pb2 import (
    GetInvoiceCustomerRequest,
    GetInvoiceSellerRequest,
    ListInvoiceCustomersRequest,
    UpdateInvoiceCustomerRequest,
    UpdateInvoiceSellerRequest,
)
from csms.billing.v1.tariff_service_pb2 import CalculatePriceRequest
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Bill, Caller
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    amount,
    customer,
    fields_of,
    new_tariff,
    refusal,
    seller,
)
from tests.contract.services.billing.neighbours import Neighbours


@pytest.fixture(autouse=True)
def known_drivers(neighbours: Neighbours) -> None:
    neighbours.tiers.update({DRIVER: "BASIC", OTHER_DRIVER: "BASIC"})


async def _set_seller(admin: Caller, **fields: Any) -> InvoiceSeller:
    return (await admin.parties.UpdateInvoiceSeller(UpdateInvoiceSellerRequest(seller=seller(**fields)))).seller


async def _set_customer(admin: Caller, driver_id: str = DRIVER, **fields: Any) -> InvoiceCustomer:
    request = UpdateInvoiceCustomerRequest(driver_id=driver_id, customer=customer(**fields))
    return (await admin.parties.UpdateInvoiceCustomer(request)).customer


async def test_a_seller_is_set_and_written_as_invoices_write_it(admin: Caller) -> None:
    refused = await refusal(admin.parties.GetInvoiceSeller(GetInvoiceSellerRequest()))
    assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "INVOICE_SELLER_NOT_FOUND")
    made = await _set_seller(admin, vat_id="de 136.695.976", iban="de89 3704 0044 0532 0130 00", bic="cobadeff")
    assert (made.vat_id, made.iban, made.bic) == ("DE136695976", "DE89370400440532013000", "COBADEFF")
    assert (made.payment_days, made.etag) == (14, "1")
    assert (await admin.parties.GetInvoiceSeller(GetInvoiceSellerRequest())).seller == made
    again = await _set_seller(admin, name="Operator AG", payment_days=0, etag="1")
    assert (again.name, again.payment_days, again.bic, again.etag) == ("Operator AG", 0, "COBADEFF", "2")
    emptied = UpdateInvoiceSellerRequest(seller=InvoiceSeller(), update_mask=FieldMask(paths=["bic"]))
    assert (await admin.parties.UpdateInvoiceSeller(emptied)).seller.bic == ""
    refused = await refusal(_set_seller(admin, etag="1"))
    assert (refused.kind, refused.reason) == (ErrorKind.CONFLICT, "ETAG_MISMATCH")


async def test_bad_fields_of_a_seller_are_named_all_at_once(admin: Caller) -> None:
    bad = seller(name=" ", address=PostalAddress(country_code="D"), vat_id="", iban="DE89", bic="X", email="no mail")
    refused = await refusal(admin.parties.UpdateInvoiceSeller(UpdateInvoiceSellerRequest(seller=bad)))
    assert fields_of(refused) == [
        "seller.name",
        "seller.address.countryCode",
        "seller.email",
        "seller.vatId",
        "seller.iban",
        "seller.bic",
    ]
    assert fields_of(await refusal(_set_seller(admin, payment_days=366))) == ["seller.paymentDays"]
    assert fields_of(await refusal(_set_seller(admin, vat_id="DE123456789"))) == ["seller.vatId"]


async def test_customers_are_those_of_drivers(admin: Caller) -> None:
    refused = await refusal(admin.parties.GetInvoiceCustomer(GetInvoiceCustomerRequest(driver_id=DRIVER)))
    assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "INVOICE_CUSTOMER_NOT_FOUND")
    for driver_id in (DRIVER, OTHER_DRIVER, DRIVER):
        made = await _set_customer(admin, driver_id, vat_id="gr094259216", reference="Cost centre 7")
        assert (made.driver_id, made.vat_id, made.tax_treatment) == (
            driver_id,
            "EL094259216",
            InvoiceCustomer.STANDARD,
        )
    assert made.etag == "2"
    listed = await admin.parties.ListInvoiceCustomers(ListInvoiceCustomersRequest(page_size=1))
    assert (len(listed.customers), listed.total_size) == (1, 2)
    request = ListInvoiceCustomersRequest(page_token=listed.next_page_token)
    rest = await admin.parties.ListInvoiceCustomers(request)
    assert {one.driver_id for one in (*listed.customers, *rest.customers)} == {DRIVER, OTHER_DRIVER}
    refused = await refusal(_set_customer(admin, derived_id("driver", "unknown")))
    assert refused.reason == "DRIVER_NOT_FOUND"


async def test_a_treatment_needs_what_the_law_asks_for_it(admin: Caller) -> None:
    owes, exempt = InvoiceCustomer.REVERSE_CHARGE, InvoiceCustomer.EXEMPT
    await _set_customer(admin)
    assert fields_of(await refusal(_set_customer(admin, tax_treatment=owes))) == ["customer.vatId"]
    assert fields_of(await refusal(_set_customer(admin, tax_treatment=exempt))) == ["customer.exemptionReason"]
    assert fields_of(await refusal(_set_customer(admin, exemption_reason="Embassy"))) == ["customer.exemptionReason"]
    assert fields_of(await refusal(_set_customer(admin, tax_treatment=9))) == ["customer.taxTreatment"]


@pytest.mark.parametrize(
    "fields",
    [
        {"tax_treatment": "REVERSE_CHARGE", "vat_id": "NL004495445B01"},
        {"tax_treatment": "EXEMPT", "exemption_reason": "Embassy"},
    ],
)
async def test_who_is_not_taxed_by_the_tariff_is_billed_quoted_and_shown_without_tax(
    fields: dict[str, Any], admin: Caller, bill: Bill
) -> None:
    before = await bill()
    await _set_customer(admin, **fields)
    after, other = await bill(), await bill(driver_id=OTHER_DRIVER)
    assert [amount(one.total) for one in (before, after, other)] == ["4.76 EUR", "4.00 EUR", "4.76 EUR"]
    assert [one.lines[0].tax_basis_points for one in (before, after, other)] == [1900, 0, 1900]
    assert amount(after.tax) == "0.00 EUR"
    chosen = (await admin.tariffs.CreateTariff(new_tariff(tax_basis_points=1900))).tariff
    asked = CalculatePriceRequest(tariff_id=chosen.id, driver_id=DRIVER, energy_wh=10_000)
    assert amount((await admin.tariffs.CalculatePrice(asked)).price.total) == "4.00 EUR"
    running = session_pb.ChargingSession(driver_id=DRIVER, tariff_id=chosen.id)
    made = await admin.sessions.CreateChargingSession(CreateChargingSessionRequest(charging_session=running))
    shown = await admin.sessions.GetChargingSession(GetChargingSessionRequest(id=made.charging_session.id))
    assert amount(shown.charging_session.cost) == "0.00 EUR"
