"""The crowd of chargers that is connected: one at a time, until another is asked for or it is sent home."""

from contextlib import ExitStack, suppress

from simulator.load.plan import Crowd
from simulator.load.run import Generator, LoadFailed, opened


class Connected:
    """`crowd` is the one that is connected, None when nobody is."""

    def __init__(self) -> None:
        self.crowd: Crowd | None = None
        self._resources = ExitStack()
        self._generator: Generator | None = None

    def generator(self, crowd: Crowd) -> Generator:
        """The generator of a crowd, which takes the place of any other. Raises LoadFailed."""
        if self._generator is None or self.crowd != crowd:
            self.send_home()
            self._generator = self._resources.enter_context(opened(crowd))
            self.crowd = crowd
        return self._generator

    def send_home(self) -> None:
        """Disconnect whoever is there."""
        resources, self._resources = self._resources, ExitStack()
        self.crowd = self._generator = None
        # It goes because it is no longer wanted, or because it has failed already.
        with suppress(LoadFailed, OSError):
            resources.close()
