"""Runs services, and an edge node, in one process: `python -m together FILE`.

FILE is JSON: the names of who runs here, each with the variables that are its own; all others are of the environment.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from services.process.service_name import set_service_name
from services.process.settings import address_of
from services.rpc import local, server

_EDGE = "edge"
_Own = Mapping[str, str]
_Serve = Callable[[_Own, server.Stop], Awaitable[None]]


async def main(own: Mapping[str, _Own]) -> None:
    """Serve all of `own` until SIGTERM or SIGINT.

    One that cannot start or go on takes the others with it: who started the process starts it again.
    """
    with local.expected(address_of(f"{each['LISTEN_HOST']}:{each['LISTEN_PORT']}") for each in own.values()):
        told = server.signalled()
        # Each is asked in its turn, all are in a hurry together.
        stops = {name: server.Stop(hurry=told.hurry) for name in own}
        serving = {name: asyncio.create_task(_serve(name, own[name], stops[name])) for name in own}
        over = asyncio.create_task(told.asked.wait())
        await asyncio.wait({over, *serving.values()}, return_when=asyncio.FIRST_COMPLETED)
        # The edge needs the others for its farewells.
        for turn in ([name for name in own if name == _EDGE], [name for name in own if name != _EDGE]):
            for name in turn:
                stops[name].asked.set()
            await asyncio.gather(*(serving[name] for name in turn), return_exceptions=True)
        over.cancel()
        for task in serving.values():
            task.result()


async def _serve(name: str, own: _Own, stop: server.Stop) -> None:
    set_service_name(name)
    await _serve_of(name)(own, stop)


def _serve_of(name: str) -> _Serve:
    if name == _EDGE:
        return importlib.import_module("ocpp_edge.__main__").serve  # type: ignore[no-any-return]
    return importlib.import_module(f"services.{name}.__main__").SERVICE.serve  # type: ignore[no-any-return]


if __name__ == "__main__":
    server.run("together", main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
