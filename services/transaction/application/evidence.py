"""Takes in what connectors do: transactions that their charge points have forgotten end, and of those that run it is
kept how they charge. Works within the caller's unit of work. Idempotent: a fact is known by what it was concluded
from."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.kernel.ids import new_id
from services.transaction.application.delivery import changed_event
from services.transaction.application.recording import LOOK_BACK, completed
from services.transaction.domain.batch import Needs
from services.transaction.domain.command import (
    GET_TRANSACTION_STATUS,
    Command,
    CommandState,
    asking_about,
)
from services.transaction.domain.commands import KINDS
from services.transaction.domain.evidence import ConnectorReport, is_lost
from services.transaction.domain.recording import Recording
from services.transaction.domain.transaction import Transaction
from services.transaction.ports import UnitOfWork

PLATFORM = "service:transaction"
"""Who asks charge points after transactions when nobody else does."""

# A report that is older was kept back: the transaction that it is about may have ended since.
_LATE = timedelta(seconds=10)
# A charge point that has just booted tells what its connectors do first.
_SETTLING, _LIFE_OF_QUESTION = timedelta(seconds=10), timedelta(minutes=5)


async def note_reports(work: UnitOfWork, reports: Sequence[ConnectorReport], now: datetime) -> None:
    """Take in what connectors do. Where no transaction runs, and none can have of late, no more is read than that."""
    recorder = work.recording
    running = await recorder.running_at({report.charge_point_id for report in reports})
    # Told late is also what the charge point itself has kept back: of a transaction that it has told the end of since.
    chosen = [report for report in reports if report.charge_point_id in running or now - report.time > _LATE]
    if not chosen:
        return
    latest: dict[str, datetime] = {}
    for report in chosen:
        latest[report.charge_point_id] = max(report.time, latest.get(report.charge_point_id, report.time))
    needs = Needs(charge_point_ids=set(latest), running_at=set(latest), before=list(latest.items()))
    stored, numbers = await recorder.load(needs)
    lost = _lost(stored, chosen)
    read = await recorder.last_read(lost, now - LOOK_BACK, now) if lost else {}
    recording = Recording(stored, numbers, now, read=read)
    for report in chosen:
        recording.note(report)
    if recording.facts:
        await completed(recorder, recording)


async def ask_after_boots(work: UnitOfWork, boots: Mapping[str, datetime], now: datetime) -> None:
    """Have charge points that have booted asked after the transactions by OCPP 2.x that they had before; `boots` is
    when each has."""
    for transaction in await work.transactions.running_at(boots):
        if not transaction.is_ocpp_16 and transaction.create_time < boots[transaction.charge_point_id]:
            question = _question(transaction, now)
            await work.commands.add(question)
            await work.publish([changed_event(question)])


def _question(transaction: Transaction, now: datetime) -> Command:
    return Command(
        id=new_id(),
        charge_point_id=transaction.charge_point_id,
        kind=GET_TRANSACTION_STATUS,
        body=asking_about(transaction),
        state=CommandState.QUEUED,
        requested_by=PLATFORM,
        priority=KINDS[GET_TRANSACTION_STATUS].priority,
        create_time=now,
        update_time=now,
        expire_time=now + _LIFE_OF_QUESTION,
        delivery_time=now + _SETTLING,
        tenant_id=transaction.tenant_id,
    )


def _lost(stored: Sequence[Transaction], reports: Sequence[ConnectorReport]) -> list[str]:
    """The transactions that reports may show to be lost."""
    return [
        transaction.id
        for transaction in stored
        if any(
            is_lost(transaction, report) for report in reports if report.charge_point_id == transaction.charge_point_id
        )
    ]
