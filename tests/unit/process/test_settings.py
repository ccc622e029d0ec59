"""services.process.settings"""

from pathlib import Path

import pytest

from services.process.settings import ServiceSettings, address_of, database_url, load
from tests.fixtures.tokens import Tokens


@pytest.fixture
def environment(tokens: Tokens, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with what a service needs and nothing else of ours."""
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LISTEN_PORT", "13001")
    monkeypatch.setenv("JWT_JWKS_FILE", str(tokens.jwks_file))
    monkeypatch.setenv("SERVICE_JWKS_FILE", str(tokens.service_jwks_file))
    monkeypatch.setenv("SERVICE_PRIVATE_KEY_FILE", str(tokens.service_private_key_file("station")))
    return monkeypatch


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch, tokens: Tokens) -> None:
    environment.setenv("DRIVER_SERVICE_URL", "http://drivers.internal:13002")
    environment.setenv("OCPP_HEARTBEAT_INTERVAL", "300")

    settings = load(ServiceSettings)

    assert settings.listen_port == 13001
    assert settings.driver_service_url == "drivers.internal:13002"
    assert settings.station_service_url == "127.0.0.1:13001"
    assert settings.ocpp_heartbeat_interval == 300
    assert settings.service_private_key_file == tokens.service_private_key_file("station")


def test_in_development_they_come_from_a_file_that_the_environment_overrules(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=DEBUG\nLISTEN_PORT=1\nUNKNOWN_TO_US=1\n")

    settings = load(ServiceSettings)

    assert (settings.log_level, settings.listen_port) == ("DEBUG", 13001)


def test_variables_of_a_service_alone_count_before_those_of_its_process(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NATS_URL", "nats://everybody:1")

    settings = load(ServiceSettings, {"LISTEN_PORT": "13002", "METRICS_PORT": ""})

    assert (settings.listen_port, settings.metrics_port, settings.nats_url) == (13002, None, "nats://everybody:1")


def test_one_of_these_that_is_bad_is_named_as_well(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        load(ServiceSettings, {"LISTEN_PORT": "http"})

    assert exit_.value.code == 2
    assert "LISTEN_PORT: Input should be a valid integer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LISTEN_PORT", "", "LISTEN_PORT: is not set"),
        ("LISTEN_PORT", "http", "LISTEN_PORT: Input should be a valid integer"),
        ("LISTEN_PORT", "65536", "LISTEN_PORT: Input should be less than or equal to 65535"),
        ("SERVICE_JWKS_FILE", "", "SERVICE_JWKS_FILE: is not set"),
        ("SERVICE_PRIVATE_KEY_FILE", "hunter2", "SERVICE_PRIVATE_KEY_FILE: Path does not point to a file"),
        ("JWT_JWKS_FILE", "/nowhere/jwks.json", "JWT_JWKS_FILE: Path does not point to a file"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: Input should be 'json' or 'text'"),
        ("DATABASE_URL", "mysql://a@b/c", "DATABASE_URL: must be postgresql://user:password@host:port/database"),
        ("EDGE_SERVICE_URL", "edge", "EDGE_SERVICE_URL: must be host:port or http://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "OTEL_EXPORTER_OTLP_ENDPOINT: must be http://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector", "OTEL_EXPORTER_OTLP_ENDPOINT: must be http://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:x", "OTEL_EXPORTER_OTLP_ENDPOINT: must be http://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT: must be http://host:"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:pw@h:1", "OTEL_EXPORTER_OTLP_ENDPOINT: must be nothing but http:"),
        ("OTEL_TRACES_SAMPLER", "always_off", "OTEL_TRACES_SAMPLER: Input should be 'parentbased_always_on' or"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "OTEL_TRACES_SAMPLER_ARG: Input should be less than or equal to 1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL: Input should be 'grpc'"),
        ("OCPP_HEARTBEAT_INTERVAL", "0", "OCPP_HEARTBEAT_INTERVAL: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_variable_ends_the_process_with_one_line_that_names_it(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, complaint: str
) -> None:
    environment.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        load(ServiceSettings)

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("cannot start: bad settings: ")
    assert complaint in said
    assert said.count("\n") == 1
    assert "hunter2" not in said


def test_all_bad_variables_are_named_at_once(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("LISTEN_PORT", "x")
    environment.setenv("LOG_LEVEL", "LOUD")

    with pytest.raises(SystemExit):
        load(ServiceSettings)

    said = capsys.readouterr().err
    assert "LISTEN_PORT" in said
    assert "LOG_LEVEL" in said


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("127.0.0.1:13001", "127.0.0.1:13001"),
        ("http://station:13001", "station:13001"),
        ("http://station:13001/", "station:13001"),
        ("[::1]:13001", "[::1]:13001"),
    ],
)
def test_a_service_address_may_be_written_as_a_url(given: str, address: str) -> None:
    assert address_of(given) == address


@pytest.mark.parametrize(
    "given", ["", "station", "station:", "station:port", "station:99999", "https://station:1", "http://station:1/x"]
)
def test_what_is_no_service_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="must be host:port"):
        address_of(given)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_each_service_has_its_own_database_on_the_server_of_the_url(tokens: Tokens, scheme: str) -> None:
    settings = tokens.settings(database_url=f"{scheme}://user:p%40ss@db:5432/anything?sslmode=require")

    assert database_url(settings, "csms_stations") == (
        "postgresql+psycopg://user:p%40ss@db:5432/csms_stations?sslmode=require"
    )
