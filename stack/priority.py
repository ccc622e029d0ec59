"""Lowers the priority of this process, so that others go first when there is not enough of the processor for all.

Decides nobody's priority.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

# Where the kernel weighs sessions against each other (autogroup, the default of desktop distributions), the niceness of
# a process counts within its session only; this is that of the session.
_SESSION = Path("/proc/self/autogroup")
# Without privileges the kernel takes one such change in a tenth of a second from all processes together.
_TRIES = 20
_PAUSE_SECONDS = 0.02


def lower(niceness: int) -> None:
    """Add `niceness` (0 to 19) to that of this process, and give it to its session, which should have no one else.

    What the system refuses is left as it is: this changes who is first, not what works.
    """
    with suppress(OSError):
        os.nice(niceness)
    for _ in range(_TRIES):
        try:
            _SESSION.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return
