"""Standard output, for people and for pipes whose reader may go away."""

import os
import sys


def say(text: str) -> None:
    """Print a line at once. When nobody reads any more, this and all later lines go nowhere; the work goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
