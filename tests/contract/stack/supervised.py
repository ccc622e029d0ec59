"""A stack of trivial children, run as a process of its own so that a test can kill it.

`supervised.py FOLDER GRACE NAME[:deaf] ...`: one layer per child. Each child appends its name to FOLDER/ended when it
is asked to stop; a deaf one does not end by itself. Prints the children's pids when all run.
"""

import asyncio
import os
import sys
from pathlib import Path

from stack.children import Program
from stack.processes import Supervisor

CHILD = """
import pathlib, signal, sys, time
folder, name, deaf = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "deaf"
def end(*_):
    with (folder / "ended").open("a") as ended:
        ended.write(name + "\\n")
    if not deaf:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
(folder / (name + ".ready")).touch()
while True:
    time.sleep(60)
"""


def child(folder: Path, name: str, temper: str = "") -> Program:
    """A child that is ready once it would notice being stopped."""
    return Program(
        name=name,
        command=[sys.executable, "-c", CHILD, str(folder), name, temper],
        environment=os.environ,
        ready=lambda _pid: (folder / f"{name}.ready").exists(),
    )


async def main(folder: Path, grace_seconds: float, names: list[str]) -> None:
    supervisor = Supervisor(folder / "logs", lambda text: print(text, flush=True), grace_seconds=grace_seconds)
    layers = [supervisor.layer() for _ in names]

    async def work() -> None:
        for layer, name in zip(layers, names, strict=True):
            await layer.start(child(folder, *name.split(":")))
        print(*(one.pid for layer in layers for one in layer.children), flush=True)
        await asyncio.Event().wait()

    await supervisor.run(work)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
