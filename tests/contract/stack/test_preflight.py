import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from stack import ports, preflight
from stack.errors import StackError
from stack.port_claims import claimed_offset
from stack.settings import StackSettings
from stack.topology import PORTS, PUBLIC_PORTS


@pytest.fixture
def listen() -> Iterator[Callable[[], int]]:
    """Listens on a port that nobody else uses."""
    sockets: list[socket.socket] = []

    def start() -> int:
        sockets.append(socket.create_server(("127.0.0.1", 0)))
        port: int = sockets[-1].getsockname()[1]
        return port

    yield start
    for one in sockets:
        one.close()


@pytest.fixture
def quiet_settings() -> Iterator[StackSettings]:
    """Settings whose ports are free on this machine, and stay so."""
    with claimed_offset() as offset:
        yield StackSettings(_env_file=None, CSMS_PORT_OFFSET=offset, DATABASE_URL=None, NATS_URL=None)


def test_a_taken_port_is_named_with_the_settings_that_move_it(
    quiet_settings: StackSettings, listen: Callable[[], int]
) -> None:
    port = listen()
    with pytest.raises(StackError) as caught:
        preflight.check(quiet_settings.model_copy(update={"gateway_port": port}), patience_seconds=0)
    assert str(caught.value) == (
        f"port {port} (gateway) is in use; GATEWAY_PORT moves it alone, CSMS_PORT_OFFSET all ports of a stack"
    )


def test_several_taken_ports_are_one_line(quiet_settings: StackSettings, listen: Callable[[], int]) -> None:
    changes = {variable.lower(): listen() for variable in PUBLIC_PORTS.values()}
    with pytest.raises(StackError, match=r"\(gateway\) and 6 more are in use; CSMS_PORT_OFFSET moves all") as caught:
        preflight.check(quiet_settings.model_copy(update=changes), patience_seconds=0)
    assert "\n" not in str(caught.value)


def test_a_stack_that_is_moved_to_where_outgoing_connections_take_ports_is_told_so(
    listen: Callable[[], int],
) -> None:
    greatest = ports.first_outgoing() - 1 - max(PORTS.values())
    moved = StackSettings(_env_file=None, CSMS_PORT_OFFSET=greatest + 1, DATABASE_URL=None, NATS_URL=None)
    with pytest.raises(StackError, match=rf"in use.* an offset up to {greatest} stays below"):
        preflight.check(moved.model_copy(update={"gateway_port": listen()}), patience_seconds=0)


def test_two_entrances_on_one_port_are_refused(quiet_settings: StackSettings) -> None:
    port = quiet_settings.ports()["station"]
    with pytest.raises(StackError, match=f"port {port} is meant for both gateway and station"):
        preflight.check(quiet_settings.model_copy(update={"gateway_port": port}), patience_seconds=0)


def test_an_engine_that_is_elsewhere_needs_no_port(quiet_settings: StackSettings) -> None:
    with socket.create_server(("127.0.0.1", quiet_settings.ports()["postgres"])):
        with pytest.raises(StackError, match=r"\(postgres\) is in use; CSMS_PORT_OFFSET moves all"):
            preflight.check(quiet_settings, patience_seconds=0)
        preflight.check(
            quiet_settings.model_copy(update={"database_url": "postgresql://elsewhere/x"}), patience_seconds=0
        )


def test_a_port_just_being_closed_is_waited_for(quiet_settings: StackSettings) -> None:
    closing = socket.create_server(("127.0.0.1", quiet_settings.ports()["nats"]))
    with pytest.raises(StackError):
        preflight.check(quiet_settings, patience_seconds=0)
    closer = threading.Timer(0.05, closing.close)
    closer.start()
    preflight.check(quiet_settings, patience_seconds=10)
    closer.join()


def test_an_address_that_is_not_ours_is_told(quiet_settings: StackSettings) -> None:
    with pytest.raises(StackError, match=r"\(gateway\) cannot be used"):
        preflight.check(quiet_settings.model_copy(update={"public_host": "192.0.2.1"}), patience_seconds=0)
