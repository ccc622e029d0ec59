"""What can be done with the journal of frames."""

from collections.abc import Sequence

from services.kernel.pagination import Page, PageRequest
from services.transaction.domain.message import MessageFilter, OcppMessage, check_batch
from services.transaction.ports import Journal, UnitsOfWork


class Messages:
    """The use cases of the journal."""

    def __init__(self, units_of_work: UnitsOfWork, journal: Journal) -> None:
        self._units_of_work = units_of_work
        self._journal = journal

    async def page(self, narrowing: MessageFilter, page: PageRequest) -> Page[OcppMessage]:
        """One page of frames, the newest first."""
        async with self._units_of_work() as work:
            return await work.messages.page(narrowing, page)

    async def append(self, messages: Sequence[OcppMessage]) -> None:
        """Take a batch of frames in; a frame that is there already is kept once. Raises: INVALID_FIELD."""
        check_batch(len(messages))
        await self._journal.append(messages)
