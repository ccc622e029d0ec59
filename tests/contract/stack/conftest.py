"""Places and waiting for the tests of the stack."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Eventually = Callable[[Callable[[], bool]], None]

_WITHIN_SECONDS = 30.0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other accounts get through, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="csms-test-stack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition on other processes holds; fails when it does not in time."""

    def wait(condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + _WITHIN_SECONDS
        while not condition():
            assert time.monotonic() < give_up_at, "the condition did not come to hold"
            time.sleep(0.01)

    return wait
