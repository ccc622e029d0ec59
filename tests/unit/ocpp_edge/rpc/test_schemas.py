"""The official schemas are all there, and say where a payload is wrong without quoting it."""

import pytest

from ocpp_edge.rpc.schemas import load
from ocpp_edge.versions import Version


@pytest.mark.parametrize(
    ("version", "requests", "responses"), [(Version.V16, 39, 39), (Version.V201, 64, 64), (Version.V21, 91, 90)]
)
def test_every_message_of_a_version_has_its_schema(version: Version, requests: int, responses: int) -> None:
    schemas = load(version)
    assert (len(schemas.requests), len(schemas.responses)) == (requests, responses)
    assert schemas.responses.keys() <= schemas.requests.keys()


def test_the_schemas_are_compiled_once() -> None:
    assert load(Version.V16) is load(Version.V16)


def test_only_the_unanswered_message_lacks_a_response() -> None:
    schemas = load(Version.V21)
    assert schemas.requests.keys() - schemas.responses.keys() == {"NotifyPeriodicEventStream"}


def test_violations_name_the_path_of_each_field() -> None:
    payload = {"connectorId": 1, "meterValue": [{"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [{}, 3]}]}
    violations = load(Version.V16).requests["MeterValues"].violations(payload)
    assert [(v.path, v.keyword) for v in violations] == [
        ("meterValue[0].sampledValue[0].value", "required"),
        ("meterValue[0].sampledValue[1]", "type"),
    ]
    assert violations[0].location == ("meterValue", 0, "sampledValue", 0, "value")


def test_messages_do_not_quote_the_value() -> None:
    violations = load(Version.V16).requests["Authorize"].violations({"idTag": "0123456789ABCDEF-SECRET"})
    assert len(violations) == 1
    assert "SECRET" not in violations[0].message
    assert violations[0].limit == 20


def test_a_payload_wrong_in_many_places_is_reported_in_few() -> None:
    payload = {"connectorId": 1, "meterValue": list(range(5000))}
    assert 0 < len(load(Version.V16).requests["MeterValues"].violations(payload)) <= 20


def test_a_timestamp_is_not_judged_here() -> None:
    payload = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-03-01 12:00"}
    assert not load(Version.V16).requests["StartTransaction"].violations(payload)


def test_custom_data_is_free_but_wants_its_vendor() -> None:
    schema = load(Version.V201).requests["Heartbeat"]
    assert not schema.violations({"customData": {"vendorId": "v", "anything": [1]}})
    assert [v.path for v in schema.violations({"customData": {}})] == ["customData.vendorId"]
