"""A program to be forked: tells what it was started with, and ends when it is asked to, with the code 7."""

import json
import os
import signal
import sys
import threading

if __name__ == "__main__":
    print(
        json.dumps(
            {
                "arguments": sys.argv[1:],
                "greeting": os.environ.get("GREETING"),
                "variables": sorted(os.environ),
                "session": os.getsid(0),
                "parent": os.getppid(),
                "modules": sorted(sys.modules),
                "threads": threading.active_count(),
            }
        ),
        flush=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    while True:
        signal.pause()
