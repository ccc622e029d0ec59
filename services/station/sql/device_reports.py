"""Reports that charge points were asked for, and their parts, in PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest
from services.kernel.quirks.asking import NOTHING_UNASKED
from services.postgres.database import bare
from services.postgres.keyset import fetch_page
from services.postgres.recordset import Recordset, array, text_array
from services.station import tables
from services.station.domain.device_report import (
    QUIET,
    ArrivedPart,
    DeviceReport,
    LostReport,
    ReportPart,
    ReportRequest,
    Scope,
)
from services.station.tables import DEVICE_REPORT_PARTS, DEVICE_REPORTS, MONITORING_REPORT_PARTS

_REPORT_COLUMNS = ("charge_point_id", "request_id", "ask_time", "scope", "command_id", "time")
_ADD = "INSERT INTO {table} ({columns}) SELECT {values} FROM {rows} ON CONFLICT DO NOTHING"
# A report whose parts do not come within days never becomes whole.
_FORGET_PARTS = """
DELETE FROM {parts} WHERE charge_point_id = ANY (%s::text[]) AND received_time < now() - interval '7 days'
"""
# Of each scope the latest: the inventories say what is gone.
_FORGET_REPORTS = """
DELETE FROM {reports} AS old USING (
    SELECT charge_point_id, request_id, ask_time, row_number() OVER (
        PARTITION BY charge_point_id, scope, time IS NULL ORDER BY ask_time DESC
    ) AS place FROM {reports} WHERE charge_point_id = ANY (%s::text[])
) AS ranked
WHERE ranked.place > 50
AND (old.charge_point_id, old.request_id, old.ask_time)
    = (ranked.charge_point_id, ranked.request_id, ranked.ask_time)
"""
_WAITING = """
SELECT charge_point_id, request_id, scope, command_id, ask_time, time FROM {reports}
WHERE charge_point_id = ANY (%s::text[])
"""
_PARTS = """
SELECT charge_point_id, request_id, seq_no, is_last, time, received_time FROM {parts}
WHERE charge_point_id = %s AND request_id = ANY (%s::bigint[])
"""
# Of those that are connected and may be asked unasked, what a command had asked for that was not an asking again, of
# which nothing has come for a while, and that nothing newer has made needless.
_LOST = """
SELECT lost.charge_point_id, lost.request_id, lost.scope, lost.command_id, lost.ask_time, point.tenant_id
FROM {reports} AS lost JOIN charge_points AS point ON point.id = lost.charge_point_id
JOIN connections AS connection ON connection.charge_point_id = point.id AND connection.close_time IS NULL
WHERE lost.time IS NULL AND lost.again_time IS NULL AND lost.command_id <> ''
AND lost.ask_time BETWEEN %(now)s - interval '1 day' AND %(now)s - %(quiet)s::interval
AND point.state = 'ACCEPTED' AND NOT %(spared)s = ANY (point.quirks_on)
AND NOT EXISTS (
    SELECT FROM {parts} AS part WHERE part.charge_point_id = lost.charge_point_id
    AND part.request_id = lost.request_id AND part.received_time > %(now)s - %(quiet)s::interval
) AND NOT EXISTS (
    SELECT FROM {reports} AS other WHERE other.charge_point_id = lost.charge_point_id AND (
        other.again_command_id = lost.command_id
        OR other.ask_time > lost.ask_time AND other.scope = lost.scope AND other.scope <> 'SELECTION'
    )
)
ORDER BY lost.ask_time LIMIT %(most)s FOR UPDATE OF lost SKIP LOCKED
"""
_CLAIM = """
UPDATE {reports} AS lost SET again_time = %(now)s FROM {keys}
WHERE lost.charge_point_id = r.{charge_point_id} AND lost.request_id = r.{request_id} AND lost.ask_time = r.{ask_time}
"""
_NOTE_AGAIN = """
UPDATE {reports} SET again_command_id = %s WHERE charge_point_id = %s AND command_id = %s
"""
# Without its last part no report is whole, however many of the others have come.
_ARRIVED = """
SELECT part.charge_point_id, part.request_id, part.seq_no, part.is_last, part.time, part.received_time FROM (
    SELECT DISTINCT report.charge_point_id, report.request_id FROM {reports} AS report
    WHERE report.charge_point_id = ANY (%s::text[]) AND report.time IS NULL AND EXISTS (
        SELECT FROM {parts} AS last WHERE last.charge_point_id = report.charge_point_id
        AND last.request_id = report.request_id AND last.is_last
    )
) AS number JOIN {parts} AS part USING (charge_point_id, request_id)
"""
_COMPLETE = """
UPDATE {reports} AS report SET time = r.{time} FROM {rows}
WHERE report.charge_point_id = r.{charge_point_id} AND report.request_id = r.{request_id}
AND report.ask_time = r.{ask_time}
"""


class ReportTables:
    """The statements about the reports of one kind, and their parts: tables of the same columns."""

    def __init__(self, reports: Table, parts: Table) -> None:
        names = {"reports": reports.name, "parts": parts.name}
        self.table = reports
        self.reports, self.parts = Recordset(reports, columns=_REPORT_COLUMNS), Recordset(parts)
        self.times = Recordset(reports, columns=("charge_point_id", "request_id", "ask_time", "time"))
        self.add_reports, self.add_parts = (
            _ADD.format(table=table, columns=rows.columns, values=rows.values, rows=rows.relation).encode()
            for table, rows in ((reports.name, self.reports), (parts.name, self.parts))
        )
        self.forget_parts, self.forget_reports, self.waiting, self.arrived = (
            text.format(**names).encode() for text in (_FORGET_PARTS, _FORGET_REPORTS, _WAITING, _ARRIVED)
        )
        self.parts_of, self.lost, self.note_again = (
            text.format(**names).encode() for text in (_PARTS, _LOST, _NOTE_AGAIN)
        )
        self.keys = Recordset(reports, columns=("charge_point_id", "request_id", "ask_time"))
        # Its relation has a parameter without a name.
        keys = self.keys.relation.replace("%s", "%(keys)s")
        self.claim = _CLAIM.format(**names, keys=keys, **self.keys.letter_of).encode()
        self.complete = _COMPLETE.format(**names, rows=self.times.relation, **self.times.letter_of).encode()


VARIABLE_REPORTS = ReportTables(DEVICE_REPORTS, DEVICE_REPORT_PARTS)
MONITORING_REPORTS = ReportTables(tables.MONITORING_REPORTS, MONITORING_REPORT_PARTS)


class SqlDeviceReportRepository:
    """Satisfies ports.DeviceReportRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, of: ReportTables) -> None:
        self._connection = connection
        self._of = of

    async def add(self, reports: Sequence[DeviceReport], parts: Sequence[ArrivedPart]) -> None:
        connection = await bare(self._connection)
        if reports:
            names = text_array({report.charge_point_id for report in reports})
            await connection.execute(self._of.add_reports, (self._of.reports.dump(map(_report_row, reports)),))
            await connection.execute(self._of.forget_reports, (names,))
            await connection.execute(self._of.forget_parts, (names,))
        if parts:
            await connection.execute(self._of.add_parts, (self._of.parts.dump(map(_part_row, parts)),))

    async def waiting(self, charge_point_ids: Collection[str]) -> tuple[Sequence[DeviceReport], Sequence[ArrivedPart]]:
        connection, names = await bare(self._connection), text_array(charge_point_ids)
        parts = await (await connection.execute(self._of.arrived, (names,))).fetchall()
        if not parts:
            return [], []
        reports = await (await connection.execute(self._of.waiting, (names,))).fetchall()
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
            await (await bare(self._connection)).execute(self._of.complete, (self._of.times.dump(rows),))

    async def parts_of(self, charge_point_id: str, request_ids: Collection[int]) -> Sequence[ArrivedPart]:
        connection = await bare(self._connection)
        cursor = await connection.execute(self._of.parts_of, (charge_point_id, array(request_ids)))
        return [
            ArrivedPart(name, ReportPart(number, seq_no, is_last), time, received_time)
            for name, number, seq_no, is_last, time, received_time in await cursor.fetchall()
        ]

    async def claim_lost(self, now: datetime, most: int) -> Sequence[LostReport]:
        connection = await bare(self._connection)
        parameters = {"now": now, "quiet": QUIET, "most": most, "spared": NOTHING_UNASKED.id}
        rows = await (await connection.execute(self._of.lost, parameters)).fetchall()
        lost = [
            LostReport(DeviceReport(name, ReportRequest(number, Scope(scope), command_id, ask_time)), tenant_id)
            for name, number, scope, command_id, ask_time, tenant_id in rows
        ]
        if lost:
            requests = ((one.report.charge_point_id, one.report.request) for one in lost)
            keys = self._of.keys.dump((name, request.request_id, request.ask_time) for name, request in requests)
            await connection.execute(self._of.claim, {"now": now, "keys": keys})
        return lost

    async def note_again(self, charge_point_id: str, command_id: str, again_command_id: str) -> None:
        parameters = (again_command_id, charge_point_id, command_id)
        await (await bare(self._connection)).execute(self._of.note_again, parameters)

    async def page(self, charge_point_id: str, page: PageRequest) -> Page[DeviceReport]:
        columns = self._of.table.c
        query = select(self._of.table).where(columns.charge_point_id == charge_point_id)
        key = (columns.ask_time, columns.request_id)
        return (await fetch_page(self._connection, query, key, page=page, descending=True)).map(_report)


def _report(row: Row[Any]) -> DeviceReport:
    fields = row._mapping
    request = ReportRequest(fields["request_id"], Scope(fields["scope"]), fields["command_id"], fields["ask_time"])
    return DeviceReport(fields["charge_point_id"], request, fields["time"], fields["again_command_id"] or "")


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
