"""What a use case reads and changes together, as the ports of services have it."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

_Unit = TypeVar("_Unit", covariant=True)


class UnitsOfWork(Protocol[_Unit]):
    """Begins units of work. What is done in one is committed together when its block ends, with its events; a block
    that raises has done nothing."""

    def __call__(self) -> AbstractAsyncContextManager[_Unit]: ...

    def reading(self) -> AbstractAsyncContextManager[_Unit]:
        """One that only reads, at less cost: each question is answered by itself, and nothing is kept together."""
        ...
