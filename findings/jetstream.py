"""A server of NATS with JetStream, for the findings named jetstream-*."""

import asyncio
import contextlib
import pathlib
import socket
import subprocess
import sys
import sysconfig

import nats


class Server:
    """Runs while its block does; keeps its store over a `restart`. Exits with 2 when it does not come up."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = str(probe.getsockname()[1])
        self._store = f"{folder}/store"

    def __enter__(self):
        binary = pathlib.Path(sysconfig.get_path("scripts"), "nats-server")
        command = [binary, "-js", "-sd", self._store, "-a", "127.0.0.1", "-p", self._port]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()

    def restart(self):
        self.__exit__()
        self.__enter__()

    @contextlib.asynccontextmanager
    async def connected(self):
        """Yields the JetStream of a connection of its own."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                url = f"nats://127.0.0.1:{self._port}"
                connection = await nats.connect(url, allow_reconnect=False, error_cb=_silent)
                break
            await asyncio.sleep(0.1)
        else:
            sys.exit(2)
        try:
            yield connection.jetstream()
        finally:
            await connection.close()


async def _silent(_error):
    pass
