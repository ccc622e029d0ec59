import socket
from pathlib import Path

import pytest

from stack import ports


def _outgoing(file: Path, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(f"{first}\t{last}\n", encoding="ascii")
    monkeypatch.setattr(ports, "_OUTGOING", file)


def test_a_free_port_lies_above_those_of_outgoing_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _outgoing(tmp_path / "range", 32_768, 60_999, monkeypatch)
    assert {port > 60_999 for port in (ports.free_port() for _ in range(20))} == {True}
    assert ports.first_outgoing() == 32_768


def test_where_there_is_no_room_above_the_system_says_which_port_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _outgoing(tmp_path / "range", 32_768, 65_535, monkeypatch)
    port = ports.free_port()
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, port))


def test_a_port_that_somebody_listens_on_is_not_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen(1)
        taken = server.getsockname()[1]
        # The one port above is taken.
        _outgoing(tmp_path / "range", 32_768, taken - 1, monkeypatch)
        monkeypatch.setattr(ports, "_HIGHEST", taken)
        assert ports.free_port() != taken


@pytest.mark.parametrize("text", ["", "32768", "many 60999"])
def test_where_the_range_cannot_be_read_it_is_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "range").write_text(text, encoding="ascii")
    monkeypatch.setattr(ports, "_OUTGOING", tmp_path / "range")
    assert ports.first_outgoing() == 49_152
