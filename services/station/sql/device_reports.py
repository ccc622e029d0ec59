"""Reports that charge points were asked for, and their parts, in PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.postgres.database import bare
from services.postgres.keyset import fetch_page
from services.postgres.recordset import Recordset, text_array
from services.station.domain.device_report import ArrivedPart, DeviceReport, ReportPart, ReportRequest, Scope
from services.station.tables import DEVICE_REPORT_PARTS, DEVICE_REPORTS

_REPORTS, _PARTS = Recordset(DEVICE_REPORTS), Recordset(DEVICE_REPORT_PARTS)
_ADD_REPORTS, _ADD_PARTS = (
    f"INSERT INTO {table} ({rows.columns}) SELECT {rows.values} FROM {rows.relation} ON CONFLICT DO NOTHING".encode()
    for table, rows in (("device_reports", _REPORTS), ("device_report_parts", _PARTS))
)
# A report whose parts do not come within days never becomes whole.
_FORGET_PARTS = b"""
DELETE FROM device_report_parts WHERE charge_point_id = ANY (%s::text[]) AND received_time < now() - interval '7 days'
"""
# Of each scope the latest: the inventories say what is gone.
_FORGET_REPORTS = b"""
DELETE FROM device_reports AS old USING (
    SELECT charge_point_id, request_id, ask_time, row_number() OVER (
        PARTITION BY charge_point_id, scope, time IS NULL ORDER BY ask_time DESC
    ) AS place FROM device_reports WHERE charge_point_id = ANY (%s::text[])
) AS ranked
WHERE ranked.place > 50
AND (old.charge_point_id, old.request_id, old.ask_time)
    = (ranked.charge_point_id, ranked.request_id, ranked.ask_time)
"""
_WAITING = b"""
SELECT charge_point_id, request_id, scope, command_id, ask_time, time FROM device_reports
WHERE charge_point_id = ANY (%s::text[])
"""
_ARRIVED = b"""
SELECT charge_point_id, request_id, seq_no, is_last, time, received_time FROM device_report_parts AS part
WHERE charge_point_id = ANY (%s::text[]) AND EXISTS (
    SELECT FROM device_reports AS report WHERE report.time IS NULL
    AND report.charge_point_id = part.charge_point_id AND report.request_id = part.request_id
)
"""
_TIMES = Recordset(DEVICE_REPORTS, columns=("charge_point_id", "request_id", "ask_time", "time"))
_LETTER = _TIMES.letter_of
_COMPLETE = f"""
UPDATE device_reports AS report SET time = r.{_LETTER["time"]} FROM {_TIMES.relation}
WHERE report.charge_point_id = r.{_LETTER["charge_point_id"]} AND report.request_id = r.{_LETTER["request_id"]}
AND report.ask_time = r.{_LETTER["ask_time"]}
""".encode()


class SqlDeviceReportRepository:
    """Satisfies ports.DeviceReportRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, reports: Sequence[DeviceReport], parts: Sequence[ArrivedPart]) -> None:
        connection = await bare(self._connection)
        if reports:
            names = text_array({report.charge_point_id for report in reports})
            await connection.execute(_ADD_REPORTS, (_REPORTS.dump(map(_report_row, reports)),))
            await connection.execute(_FORGET_REPORTS, (names,))
            await connection.execute(_FORGET_PARTS, (names,))
        if parts:
            await connection.execute(_ADD_PARTS, (_PARTS.dump(map(_part_row, parts)),))

    async def waiting(self, charge_point_ids: Collection[str]) -> tuple[Sequence[DeviceReport], Sequence[ArrivedPart]]:
        connection, names = await bare(self._connection), text_array(charge_point_ids)
        reports = await (await connection.execute(_WAITING, (names,))).fetchall()
        parts = await (await connection.execute(_ARRIVED, (names,))).fetchall()
        return (
            [
                DeviceReport(name, ReportRequest(number, Scope(scope), command_id, ask_time), time)
                for name, number, scope, command_id, ask_time, time in reports
            ],
            [
                ArrivedPart(name, ReportPart(number, seq_no, is_last), time, received_time)
                for name, number, seq_no, is_last, time, received_time in parts
            ],
        )

    async def complete(self, reports: Sequence[DeviceReport]) -> None:
        if reports:
            rows = [
                (report.charge_point_id, report.request.request_id, report.request.ask_time, report.time)
                for report in reports
            ]
            await (await bare(self._connection)).execute(_COMPLETE, (_TIMES.dump(rows),))

    async def page(self, charge_point_id: str, page: PageRequest) -> Page[DeviceReport]:
        query = select(DEVICE_REPORTS).where(DEVICE_REPORTS.c.charge_point_id == charge_point_id)
        key = (DEVICE_REPORTS.c.ask_time, DEVICE_REPORTS.c.request_id)
        return (await fetch_page(self._connection, query, key, page=page, descending=True)).map(_report)


def _report(row: Row[Any]) -> DeviceReport:
    fields = row._mapping
    request = ReportRequest(fields["request_id"], Scope(fields["scope"]), fields["command_id"], fields["ask_time"])
    return DeviceReport(fields["charge_point_id"], request, fields["time"])


def _report_row(report: DeviceReport) -> tuple[object, ...]:
    request = report.request
    fields = (request.request_id, request.ask_time, request.scope, request.command_id)
    return (report.charge_point_id, *fields, report.time)


def _part_row(arrived: ArrivedPart) -> tuple[object, ...]:
    part = arrived.part
    return (
        arrived.charge_point_id,
        part.request_id,
        arrived.received_time,
        part.seq_no,
        part.is_last,
        arrived.time,
    )
