"""The process that renders documents: `python -m services.billing.adapters.rendering`, until nothing more comes in."""

import os
import pickle
import signal
import sys
import traceback

from services.billing.adapters.document_worker import read, write

# Bills, and all who wait for an answer, go first.
_NICENESS = 10


def main() -> None:
    """Answer requests until there are no more."""
    # Ctrl-C is for the process that has started this one, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    # Nothing that a library prints may come between two answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            request = read(sys.stdin.buffer)
        except EOFError:
            return
        write(answers, pickle.dumps(_answer(request)))


def _answer(request: bytes) -> tuple[str, bytes, tuple[str, ...]]:
    # What draws loads for longer than all the rest: not before somebody has started this process.
    from services.billing.adapters.pdf import render

    try:
        rendered = render(pickle.loads(request))
    except Exception:  # which one it was is told where it is logged
        return traceback.format_exc(), b"", ()
    return "", rendered.data, tuple(rendered.unknown)


if __name__ == "__main__":
    main()
