"""What can be done with the journal of frames."""

from collections.abc import Sequence

from services.kernel.pagination import Page, PageRequest
from services.process.stirring import Rest
from services.transaction.domain.journal_batch import MOST_SORTED, Backlog, JournalBatch
from services.transaction.domain.message import MessageFilter, OcppMessage, check_batch
from services.transaction.ports import Journal, JournalSorting, UnitsOfWork


class Messages:
    """The use cases of the journal."""

    def __init__(self, units_of_work: UnitsOfWork, journal: Journal, sorter: "Sorter") -> None:
        self._units_of_work = units_of_work
        self._journal = journal
        self._sorter = sorter

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        """One page of frames, the newest first."""
        async with self._units_of_work() as work:
            return await work.messages.page(narrowing, page)

    async def append(self, messages: Sequence[OcppMessage]) -> None:
        """Take a batch of frames in; a frame that is there already is kept once. Raises: INVALID_FIELD."""
        check_batch(len(messages))
        await self._journal.append(messages)

    async def append_batches(self, batches: Sequence[JournalBatch]) -> None:
        """Take batches of frames in; one that came within a day is kept once. Raises: INVALID_FIELD."""
        check_batch(sum(batch.exchanges for batch in batches), "batches")
        await self._journal.append_batches(batches)
        self._sorter.note(batches)


class Sorter:
    """Has the journal sorted by charge point: once enough of it has come here, and now and then. `rest` is hurried when
    it is worth it."""

    def __init__(self, sorting: JournalSorting) -> None:
        self._sorting = sorting
        self._backlog = Backlog()
        self.rest = Rest()

    @property
    def is_due(self) -> bool:
        """Whether it is worth sorting."""
        return self._backlog.is_due

    def note(self, batches: Sequence[JournalBatch]) -> None:
        """Count batches that were stored."""
        for batch in batches:
            self._backlog.add(batch)
        if self.is_due:
            self.rest.hurry()

    async def sort(self) -> None:
        """Sort all that waits."""
        self._backlog = Backlog()
        while await self._sorting.sort() >= MOST_SORTED // 2:
            pass
