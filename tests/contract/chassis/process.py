"""A whole service process for the tests of its life: `python -m tests.contract.chassis.process BEHAVIOR FOLDER`.

Says on standard output, as log lines, what it does; is ready while FOLDER/ready exists.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import grpc.aio

from services.chassis.server import Task, run, serve
from services.chassis.settings import ServiceSettings, load
from tests.fixtures.library import handlers, message

_log = logging.getLogger("sample")


async def _greet(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    """Answers `slowly` half a second after it has said that it was called."""
    if request.name == "slowly":
        _log.info("called")
        await asyncio.sleep(0.5)
    return message("GreetResponse")(text=f"hello {request.name}")


def _register(server: grpc.aio.Server) -> None:
    server.add_generic_rpc_handlers([handlers({"Greet": _greet})])


async def _work() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        _log.info("work ended")


async def _end_early() -> None:
    _log.info("nothing left to do")


async def _fail() -> None:
    raise KeyError("what the work missed")


async def _drain() -> None:
    _log.info("drained")


async def _close_badly() -> None:
    raise ConnectionError("gone already")


async def _close() -> None:
    _log.info("closed")


async def main(behavior: str, folder: Path) -> None:
    """Serve as `behavior` says: `serve` until told to stop, or `fail`."""

    async def ready() -> bool:
        return (folder / "ready").exists()

    await serve(
        "sample",
        load(ServiceSettings),
        register=_register,
        tasks=[Task(work.__name__, work) for work in (_work, _end_early, *([_fail] if behavior == "fail" else []))],
        ready=ready,
        drain=_drain,
        on_stop=[_close_badly, _close],
    )


if __name__ == "__main__":
    run(main(sys.argv[1], Path(sys.argv[2])))
