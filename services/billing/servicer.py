"""The gRPC face of the billing service: mapping in, one use case, mapping out."""

from typing import Any

import grpc.aio
from google.api.httpbody_pb2 import HttpBody

from csms.billing.v1 import billing_service_pb2 as session_pb
from csms.billing.v1 import billing_service_pb2_grpc as session_grpc
from csms.billing.v1 import decision_service_pb2 as decision_pb
from csms.billing.v1 import decision_service_pb2_grpc as decision_grpc
from csms.billing.v1 import invoice_party_service_pb2 as party_pb
from csms.billing.v1 import invoice_party_service_pb2_grpc as party_grpc
from csms.billing.v1 import invoice_service_pb2 as invoice_pb
from csms.billing.v1 import invoice_service_pb2_grpc as invoice_grpc
from csms.billing.v1 import payment_service_pb2 as payment_pb
from csms.billing.v1 import payment_service_pb2_grpc as payment_grpc
from csms.billing.v1 import tariff_service_pb2 as tariff_pb
from csms.billing.v1 import tariff_service_pb2_grpc as tariff_grpc
from services.billing.adapters.document_worker import DocumentWorker
from services.billing.application.charging_sessions import ChargingSessions
from services.billing.application.decisions import Decisions
from services.billing.application.invoices import Invoices
from services.billing.application.parties import Parties
from services.billing.application.payments import Payments
from services.billing.application.tariffs import Tariffs
from services.billing.domain.payment import PaymentFilter
from services.billing.mapping import charging_sessions, decisions, explanations, invoices, parties, payments, tariffs
from services.billing.mapping.cii import cii
from services.billing.mapping.invoice_export import Table
from services.billing.mapping.ubl import ubl
from services.kernel.pagination import page_request
from services.rpc import http
from services.rpc.auth import current_caller
from services.rpc.protobuf import time_of

_Syntax = invoice_pb.GetInvoiceXmlRequest
_SYNTAXES = {_Syntax.SYNTAX_UNSPECIFIED: (ubl, "ubl"), _Syntax.UBL: (ubl, "ubl"), _Syntax.CII: (cii, "cii")}
Context = grpc.aio.ServicerContext[Any, Any]
_shown = charging_sessions.charging_session_to_proto


class TariffServicer(tariff_grpc.TariffServiceServicer):
    """csms.billing.v1.TariffService."""

    def __init__(self, all_tariffs: Tariffs) -> None:
        self._tariffs = all_tariffs

    async def ListTariffs(
        self, request: tariff_pb.ListTariffsRequest, context: Context
    ) -> tariff_pb.ListTariffsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._tariffs.page(
            request.station_id, request.include_retired, requested, current_caller().driver_id
        )
        return tariff_pb.ListTariffsResponse(
            tariffs=map(tariffs.tariff_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetTariff(self, request: tariff_pb.GetTariffRequest, context: Context) -> tariff_pb.GetTariffResponse:
        tariff = await self._tariffs.get(request.tariff_id, current_caller().driver_id)
        return tariff_pb.GetTariffResponse(tariff=tariffs.tariff_to_proto(tariff))

    async def CreateTariff(
        self, request: tariff_pb.CreateTariffRequest, context: Context
    ) -> tariff_pb.CreateTariffResponse:
        tariff = await self._tariffs.create(tariffs.tariff_fields(request.tariff), request.request_id)
        await http.created(context, f"/pricing/tariffs/{tariff.id}")
        return tariff_pb.CreateTariffResponse(tariff=tariffs.tariff_to_proto(tariff))

    async def UpdateTariff(
        self, request: tariff_pb.UpdateTariffRequest, context: Context
    ) -> tariff_pb.UpdateTariffResponse:
        changes = tariffs.tariff_changes(request, await self._tariffs.get(request.tariff_id))
        tariff = await self._tariffs.update(request.tariff_id, changes, request.tariff.etag)
        return tariff_pb.UpdateTariffResponse(tariff=tariffs.tariff_to_proto(tariff))

    async def CalculatePrice(
        self, request: tariff_pb.CalculatePriceRequest, context: Context
    ) -> tariff_pb.CalculatePriceResponse:
        price = await self._tariffs.calculate(tariffs.price_question(request), current_caller().driver_id)
        return tariff_pb.CalculatePriceResponse(price=tariffs.price_to_message(price))


class BillingServicer(session_grpc.BillingServiceServicer):
    """csms.billing.v1.BillingService."""

    def __init__(self, sessions: ChargingSessions) -> None:
        self._sessions = sessions

    async def ListChargingSessions(
        self, request: session_pb.ListChargingSessionsRequest, context: Context
    ) -> session_pb.ListChargingSessionsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._sessions.page(charging_sessions.charging_session_filter(request), requested)
        return session_pb.ListChargingSessionsResponse(
            charging_sessions=[_shown(session) for session in page.items],
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetChargingSession(
        self, request: session_pb.GetChargingSessionRequest, context: Context
    ) -> session_pb.GetChargingSessionResponse:
        session = await self._sessions.get(request.id)
        return session_pb.GetChargingSessionResponse(charging_session=_shown(session))

    async def ExplainChargingSession(
        self, request: session_pb.ExplainChargingSessionRequest, context: Context
    ) -> session_pb.ExplainChargingSessionResponse:
        session, explanation = await self._sessions.explain(request.id, current_caller().driver_id)
        return session_pb.ExplainChargingSessionResponse(
            explanation=explanations.explanation_to_proto(session, explanation)
        )

    async def CreateChargingSession(
        self, request: session_pb.CreateChargingSessionRequest, context: Context
    ) -> session_pb.CreateChargingSessionResponse:
        fields = charging_sessions.charging_session_fields(request.charging_session)
        start_time = time_of(request.charging_session, "start_time")
        session = await self._sessions.create(fields, start_time, request.request_id)
        await http.created(context, f"/charging-sessions/{session.id}")
        return session_pb.CreateChargingSessionResponse(charging_session=_shown(session))

    async def CompleteChargingSession(
        self, request: session_pb.CompleteChargingSessionRequest, context: Context
    ) -> session_pb.CompleteChargingSessionResponse:
        session = await self._sessions.complete(
            request.id, request.energy_wh, time_of(request, "end_time"), request.idle_minutes
        )
        return session_pb.CompleteChargingSessionResponse(charging_session=_shown(session))


class DecisionServicer(decision_grpc.DecisionServiceServicer):
    """csms.billing.v1.DecisionService."""

    def __init__(self, all_decisions: Decisions) -> None:
        self._decisions = all_decisions

    async def ReleaseChargingSession(
        self, request: decision_pb.ReleaseChargingSessionRequest, context: Context
    ) -> decision_pb.ReleaseChargingSessionResponse:
        choice = decisions.release(request, current_caller().subject)
        session = await self._decisions.decide(request.id, choice, request.etag, request.request_id)
        return decision_pb.ReleaseChargingSessionResponse(charging_session=_shown(session))

    async def CorrectChargingSession(
        self, request: decision_pb.CorrectChargingSessionRequest, context: Context
    ) -> decision_pb.CorrectChargingSessionResponse:
        choice = decisions.correct(request, current_caller().subject)
        session = await self._decisions.decide(request.id, choice, request.etag, request.request_id)
        return decision_pb.CorrectChargingSessionResponse(charging_session=_shown(session))

    async def WriteOffChargingSession(
        self, request: decision_pb.WriteOffChargingSessionRequest, context: Context
    ) -> decision_pb.WriteOffChargingSessionResponse:
        choice = decisions.write_off(request, current_caller().subject)
        session = await self._decisions.decide(request.id, choice, request.etag, request.request_id)
        return decision_pb.WriteOffChargingSessionResponse(charging_session=_shown(session))

    async def KeepBill(self, request: decision_pb.KeepBillRequest, context: Context) -> decision_pb.KeepBillResponse:
        choice = decisions.keep(request, current_caller().subject)
        session = await self._decisions.decide(request.id, choice, request.etag, request.request_id)
        return decision_pb.KeepBillResponse(charging_session=_shown(session))

    async def ListSessionDecisions(
        self, request: decision_pb.ListSessionDecisionsRequest, context: Context
    ) -> decision_pb.ListSessionDecisionsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._decisions.page(decisions.decision_filter(request), requested)
        return decision_pb.ListSessionDecisionsResponse(
            decisions=map(decisions.decision_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )


class InvoiceServicer(invoice_grpc.InvoiceServiceServicer):
    """csms.billing.v1.InvoiceService."""

    def __init__(self, all_invoices: Invoices, worker: DocumentWorker) -> None:
        self._invoices = all_invoices
        self._worker = worker

    async def ListInvoices(
        self, request: invoice_pb.ListInvoicesRequest, context: Context
    ) -> invoice_pb.ListInvoicesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._invoices.page(invoices.invoice_filter(request), requested, overdue=request.overdue)
        return invoice_pb.ListInvoicesResponse(
            invoices=map(invoices.invoice_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetInvoice(
        self, request: invoice_pb.GetInvoiceRequest, context: Context
    ) -> invoice_pb.GetInvoiceResponse:
        invoice = await self._invoices.get(request.id)
        return invoice_pb.GetInvoiceResponse(invoice=invoices.invoice_to_proto(invoice))

    async def WriteOffInvoice(
        self, request: invoice_pb.WriteOffInvoiceRequest, context: Context
    ) -> invoice_pb.WriteOffInvoiceResponse:
        invoice = await self._invoices.write_off(request.id, request.reason, current_caller().subject)
        return invoice_pb.WriteOffInvoiceResponse(invoice=invoices.invoice_to_proto(invoice))

    async def GetInvoicePdf(self, request: invoice_pb.GetInvoicePdfRequest, context: Context) -> HttpBody:
        document = await self._invoices.document(request.id)
        data = await self._worker.render(current_caller().subject, document)
        await http.attachment(context, f"invoice-{document.invoice.number}.pdf")
        return HttpBody(content_type="application/pdf", data=data)

    async def GetInvoiceXml(self, request: invoice_pb.GetInvoiceXmlRequest, context: Context) -> HttpBody:
        write, name = _SYNTAXES[request.syntax]
        document = await self._invoices.document(request.id)
        body = HttpBody(content_type="application/xml", data=write(document))
        await http.attachment(context, f"invoice-{document.invoice.number}.{name}.xml")
        return body

    async def ExportInvoices(self, request: invoice_pb.ExportInvoicesRequest, context: Context) -> HttpBody:
        table = Table(invoices.export_format(request))
        async for documents in self._invoices.exported(invoices.export_filter(request)):
            table.add(documents)
        await http.attachment(context, "invoices.csv")
        return HttpBody(content_type="text/csv; charset=utf-8", data=table.text())


class InvoicePartyServicer(party_grpc.InvoicePartyServiceServicer):
    """csms.billing.v1.InvoicePartyService."""

    def __init__(self, all_parties: Parties) -> None:
        self._parties = all_parties

    async def GetInvoiceSeller(
        self, request: party_pb.GetInvoiceSellerRequest, context: Context
    ) -> party_pb.GetInvoiceSellerResponse:
        return party_pb.GetInvoiceSellerResponse(seller=parties.seller_to_proto(await self._parties.seller()))

    async def UpdateInvoiceSeller(
        self, request: party_pb.UpdateInvoiceSellerRequest, context: Context
    ) -> party_pb.UpdateInvoiceSellerResponse:
        changes = parties.seller_changes(request)
        seller = await self._parties.set_seller(changes, request.seller.etag)
        return party_pb.UpdateInvoiceSellerResponse(seller=parties.seller_to_proto(seller))

    async def ListInvoiceCustomers(
        self, request: party_pb.ListInvoiceCustomersRequest, context: Context
    ) -> party_pb.ListInvoiceCustomersResponse:
        page = await self._parties.customers(page_request(request.page_size, request.page_token))
        return party_pb.ListInvoiceCustomersResponse(
            customers=map(parties.customer_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetInvoiceCustomer(
        self, request: party_pb.GetInvoiceCustomerRequest, context: Context
    ) -> party_pb.GetInvoiceCustomerResponse:
        customer = await self._parties.customer(request.driver_id)
        return party_pb.GetInvoiceCustomerResponse(customer=parties.customer_to_proto(customer))

    async def UpdateInvoiceCustomer(
        self, request: party_pb.UpdateInvoiceCustomerRequest, context: Context
    ) -> party_pb.UpdateInvoiceCustomerResponse:
        changes = parties.customer_changes(request)
        customer = await self._parties.set_customer(request.driver_id, changes, request.customer.etag)
        return party_pb.UpdateInvoiceCustomerResponse(customer=parties.customer_to_proto(customer))


class PaymentServicer(payment_grpc.PaymentServiceServicer):
    """csms.billing.v1.PaymentService."""

    def __init__(self, all_payments: Payments) -> None:
        self._payments = all_payments

    async def ListPayments(
        self, request: payment_pb.ListPaymentsRequest, context: Context
    ) -> payment_pb.ListPaymentsResponse:
        narrowing = PaymentFilter(driver_id=request.driver_id, invoice_id=request.invoice_id)
        page = await self._payments.page(narrowing, page_request(request.page_size, request.page_token))
        return payment_pb.ListPaymentsResponse(
            payments=map(payments.payment_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def CreatePayment(
        self, request: payment_pb.CreatePaymentRequest, context: Context
    ) -> payment_pb.CreatePaymentResponse:
        payment = await self._payments.record(payments.payment_request(request.payment), request.request_id)
        await http.created(context, f"/payments?invoiceId={payment.invoice_id}")
        return payment_pb.CreatePaymentResponse(payment=payments.payment_to_proto(payment))

    async def ListPaymentMethods(
        self, request: payment_pb.ListPaymentMethodsRequest, context: Context
    ) -> payment_pb.ListPaymentMethodsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._payments.methods(request.driver_id, requested)
        return payment_pb.ListPaymentMethodsResponse(
            payment_methods=map(payments.method_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def CreatePaymentMethod(
        self, request: payment_pb.CreatePaymentMethodRequest, context: Context
    ) -> payment_pb.CreatePaymentMethodResponse:
        asked = request.payment_method
        method = await self._payments.add_method(
            asked.driver_id,
            payments.method_kind(asked.kind),
            asked.label,
            asked.provider_token,
            asked.is_default,
            request.request_id,
        )
        await http.created(context, f"/payment-methods?driverId={method.driver_id}")
        return payment_pb.CreatePaymentMethodResponse(payment_method=payments.method_to_proto(method))
