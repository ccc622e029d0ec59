"""Invoices."""

from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1 import invoice_service_pb2 as service_pb
from services.billing.domain.invoice import Invoice, InvoiceFilter, InvoiceKind, InvoiceState
from services.billing.mapping.invoice_export import Format
from services.billing.mapping.tariffs import line_to_proto
from services.rpc.protobuf import enum_of, money_to_proto, time_of, timestamp


def invoice_filter(request: service_pb.ListInvoicesRequest) -> InvoiceFilter:
    """What a list request asks for."""
    return InvoiceFilter(
        driver_id=request.driver_id,
        state=enum_of(InvoiceState, invoice_pb.Invoice.State, request.state),
        kind=enum_of(InvoiceKind, invoice_pb.Invoice.Kind, request.kind),
        charging_session_id=request.charging_session_id,
        issue_time_from=time_of(request, "issue_time_from"),
        issue_time_to=time_of(request, "issue_time_to"),
    )


def export_filter(request: service_pb.ExportInvoicesRequest) -> InvoiceFilter:
    """Which documents an export holds."""
    return InvoiceFilter(
        driver_id=request.driver_id,
        issue_time_from=time_of(request, "issue_time_from"),
        issue_time_to=time_of(request, "issue_time_to"),
    )


def export_format(request: service_pb.ExportInvoicesRequest) -> Format:
    """How it is written."""
    return enum_of(Format, service_pb.ExportInvoicesRequest.Format, request.format) or Format.CSV


def invoice_to_proto(invoice: Invoice) -> invoice_pb.Invoice:
    """The resource as callers see it."""
    write_off = invoice.write_off
    return invoice_pb.Invoice(
        id=invoice.id,
        number=invoice.number,
        driver_id=invoice.driver_id or "",
        charging_session_id=invoice.charging_session_id,
        state=invoice_pb.Invoice.State.Value(invoice.state),
        issue_time=timestamp(invoice.issue_time),
        total=money_to_proto(invoice.total),
        tax=money_to_proto(invoice.tax),
        paid=money_to_proto(invoice.paid),
        lines=map(line_to_proto, invoice.lines),
        kind=invoice_pb.Invoice.Kind.Value(invoice.kind),
        corrected_invoice_id=invoice.corrected_invoice_id or "",
        credit_note_id=invoice.credit_note_id or "",
        due_time=timestamp(invoice.due_time),
        write_off_time=None if write_off is None else timestamp(write_off.time),
        write_off_reason=None if write_off is None else write_off.reason,
        written_off_by=None if write_off is None else write_off.written_off_by,
    )
