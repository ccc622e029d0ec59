import re
from pathlib import Path

import pytest

from stack import settings
from stack.errors import StackError
from stack.topology import EDGE, FOLLOWERS, SERVICES


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of whoever runs the tests, and no `.env`."""
    monkeypatch.chdir(tmp_path)
    for field in settings.StackSettings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


def test_the_default_ports_are_the_documented_ones() -> None:
    ports = settings.load().ports()
    assert [ports[name] for name in ("gateway", "station", "driver", "billing", "monitoring")] == [
        3000,
        3001,
        3002,
        3003,
        3004,
    ]
    assert (ports["ocpp"], ports["transaction"]) == (4000, 4001)
    assert (ports.process("station"), ports.process("edge"), ports.websocket()) == (13001, 14000, 14100)


def test_the_offset_moves_every_port(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(settings.load().ports().everyone())
    monkeypatch.setenv("CSMS_PORT_OFFSET", "20000")
    assert dict(settings.load().ports().everyone()) == {name: number + 20000 for name, number in before.items()}


def test_a_single_port_is_taken_as_it_is_and_not_moved_by_the_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_PORT_OFFSET", "100")
    monkeypatch.setenv("OCPP_WEBSOCKET_PORT", "9000")
    ports = settings.load().ports()
    assert (ports["ocpp"], ports["gateway"]) == (9000, 3100)


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GATEWAY_PORT=8000\nSTATION_PORT=8001\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("STATION_PORT", "8101")
    ports = settings.load().ports()
    assert (ports["gateway"], ports["station"]) == (8000, 8101)


def test_no_two_ports_of_ten_replicas_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_REPLICAS", "10")
    numbers = [number for _, number in settings.load().ports().everyone()]
    assert len(numbers) == len(set(numbers)) > 70


def test_every_port_stays_a_port_at_the_highest_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_PORT_OFFSET", "50000")
    monkeypatch.setenv("CSMS_REPLICAS", "10")
    assert max(number for _, number in settings.load().ports().everyone()) < 65536


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CSMS_PORT_OFFSET", "-1"),
        ("CSMS_PORT_OFFSET", "60000"),
        ("CSMS_REPLICAS", "0"),
        ("CSMS_REPLICAS", "many"),
        ("GATEWAY_PORT", "0"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", ""),
        ("DATABASE_URL", ""),
    ],
)
def test_a_bad_setting_is_named_in_one_line(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StackError, match=re.escape(variable)) as caught:
        settings.load()
    assert "\n" not in str(caught.value)


def test_detours_are_read_and_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().detours == {}
    monkeypatch.setenv("CSMS_DETOURS", '{"postgres": 25432, "transaction": 24001}')
    assert settings.load().detours == {"postgres": 25432, "transaction": 24001}
    for wrong in ('{"postgres": 0}', '{"envoy": 4000}', "25432", "{"):
        monkeypatch.setenv("CSMS_DETOURS", wrong)
        with pytest.raises(StackError, match=r"(?i)detours"):
            settings.load()


@pytest.mark.parametrize("processes", ["one", "two", "each"])
def test_everybody_runs_in_one_process_of_those_there_are(monkeypatch: pytest.MonkeyPatch, processes: str) -> None:
    monkeypatch.setenv("CSMS_PROCESSES", processes)
    sharing = settings.load().sharing()
    everybody = [name for names in sharing for name in names]
    assert sorted(everybody) == sorted((*SERVICES, EDGE))
    assert len(sharing) == {"one": 1, "two": 2, "each": 6}[processes]


def test_those_who_follow_are_apart_from_those_that_charge_points_wait_for() -> None:
    assert set(settings.load().sharing()[1]) == FOLLOWERS


def test_replicas_share_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_PROCESSES", "one")
    monkeypatch.setenv("CSMS_REPLICAS", "2")
    assert all(len(names) == 1 for names in settings.load().sharing())
