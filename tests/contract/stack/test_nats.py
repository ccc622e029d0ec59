import stat
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import Error

from stack import nats
from stack.errors import StackError
from stack.ports import free_port


async def test_streams_survive_a_stop_and_a_start(tmp_path: Path) -> None:
    for expected in (1, 2):
        server = nats.start(tmp_path, port=free_port())
        try:
            client = Client()
            await client.connect(server.url)
            stream = client.jetstream()
            await stream.add_stream(name="KEPT", subjects=["kept.>"])
            assert (await stream.publish("kept.one", b"x")).seq == expected
            await client.close()
        finally:
            server.stop()


async def test_a_client_without_the_token_is_turned_away(tmp_path: Path) -> None:
    server = nats.start(tmp_path, port=free_port())
    try:
        refusals: list[Exception] = []

        async def note(error: Exception) -> None:
            refusals.append(error)

        with pytest.raises(Error, match="Authorization"):
            await Client().connect(f"nats://127.0.0.1:{server.port}", allow_reconnect=False, error_cb=note)
        assert refusals
    finally:
        server.stop()
    for name in ("token", "nats.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_taken_port_is_told_in_one_line_with_the_servers_words(tmp_path: Path) -> None:
    server = nats.start(tmp_path / "first", port=free_port())
    try:
        with pytest.raises(StackError, match=r"nats ended with exit code 1; last log line: .*in use") as caught:
            nats.start(tmp_path / "second", port=server.port)
        assert "\n" not in str(caught.value)
    finally:
        server.stop()


def test_a_folder_with_an_odd_name_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" $NAME # folder'
    server = nats.start(folder, port=free_port())
    server.stop()
    assert (folder / "jetstream").is_dir()
