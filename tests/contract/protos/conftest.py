"""The contracts under test: the descriptor set that everything else is made from."""

import pytest

from stack.descriptors import Contracts


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    """All contracts of the platform, with comments."""
    return Contracts.load()
