"""What a REST caller may say in the query: parameters that the operation has, once, and nothing that the path tells."""

from collections.abc import Iterable

import pytest

from stack.descriptors import field_path
from stack.query_parameters import query_parameters
from tests.contract.envoy.facade import Facade
from tests.contract.envoy.test_bodies import violations
from tests.fixtures.operations import Operation, operations

pytestmark = pytest.mark.field_case("C3")

OPERATIONS = operations()


def call(facade: Facade, operation: Operation, query: str) -> list[tuple[str, str]]:
    """The violations that the answer tells of."""
    body = b"{}" if operation.binding.body else None
    refused = facade.call("gateway", operation.verb, f"{operation.path}?{query}", body=body)
    assert refused.refusal[:2] == (400, 3), (query, refused.body)
    assert "x-process" not in refused.headers
    return violations(refused)


def spelled(names: Iterable[str]) -> list[str]:
    """Names, and the ways in which a query can write them."""
    return [written for name in names for written in (name, f"%{ord(name[0]):02x}{name[1:]}")]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.binding.variables], ids=str)
def test_a_parameter_that_the_path_tells_is_refused(operation: Operation, facade: Facade) -> None:
    for variable in operation.binding.variables:
        field = field_path(operation.method.input_type, variable)[-1]
        for written in spelled({field.name, field.json_name}):
            [(_, description)] = call(facade, operation, f"{written}=x2")
            assert description == "is told by the path, not by the query"
            [(_, description)] = call(facade, operation, f"{written}=x1")
            assert description == "is told by the path, not by the query"


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_unknown_parameter_is_refused_and_named(operation: Operation, facade: Facade) -> None:
    for name in ("colour", "page.size", "*", "constructor"):
        assert call(facade, operation, f"{name}=1") == [(name, "is no query parameter here")]
    assert call(facade, operation, "=1")[0][1] == "is no query parameter here"


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.binding.body], ids=str)
def test_what_the_body_tells_is_not_told_by_the_query(operation: Operation, facade: Facade) -> None:
    for field in operation.fields()[:3]:
        name = operation.prefix + field.json_name
        assert call(facade, operation, f"{name}=1") == [(name, "is no query parameter here")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_each_parameter_is_taken_in_both_spellings_once(operation: Operation, facade: Facade) -> None:
    for path in query_parameters(operation.method.input_type, operation.binding):
        name, json_name = (".".join(getattr(field, form) for field in path) for form in ("name", "json_name"))
        field, value = path[-1], "1"
        if field.message_type is not None:
            value = {"Timestamp": "2026-01-31T12:00:00.5%2B01:00", "Duration": "90.5s"}.get(field.message_type.name, "")
        elif field.type == field.TYPE_BOOL:
            value = "true"
        elif field.enum_type is not None:
            value = field.enum_type.values[-1].name.lower()
        body = b"{}" if operation.binding.body else None
        for written in (name, json_name):
            answer = facade.call("gateway", operation.verb, f"{operation.path}?{written}={value}", body=body)
            assert answer.status < 400, (written, answer.body)
        if not field.is_repeated:
            assert call(facade, operation, f"{name}={value}&{json_name}={value}") == [(json_name, "is given twice")]


def test_a_list_is_given_by_repetition(facade: Facade) -> None:
    assert facade.call("gateway", "GET", "/drivers?driverIds=a&driverIds=b&driver_ids=c").status == 200


@pytest.mark.parametrize(
    ("query", "field", "description"),
    [
        ("pageSize=many", "pageSize", "must be a whole number"),
        ("pageSize=", "pageSize", "must be a whole number"),
        ("page_size=1.5", "pageSize", "must be a whole number"),
        ("pageSize=99999999999", "pageSize", "must be between -2147483648 and 2147483647"),
        ("status=OPEN", "status", "must be one of ACTIVE, INACTIVE, PLANNED"),
        ("status=77", "status", "must be one of ACTIVE, INACTIVE, PLANNED"),
        ("latitude=north", "latitude", "must be a number"),
        ("latitude=NaN", "latitude", "must be a number"),
        ("latitude=inf", "latitude", "must be a number"),
        ("latitude=0x10", "latitude", "must be a number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_named(
    query: str, field: str, description: str, facade: Facade
) -> None:
    refused = facade.call("gateway", "GET", f"/stations?{query}")
    assert refused.refusal == (400, 3, f"{field}: {description}")
    assert violations(refused) == [(field, description)]


def test_very_many_parameters_are_told_by_twenty_and_a_number(facade: Facade) -> None:
    refused = facade.call("gateway", "GET", "/stations?" + "a&" * 3_000)
    assert len(violations(refused)) == 20
    assert refused.json["details"][0]["metadata"] == {"violationCount": "3000"}


def test_everything_that_is_wrong_is_told_at_once(facade: Facade) -> None:
    refused = facade.call("gateway", "POST", "/stations?colour=1&requestId=a", body={"colour": 1, "latitude": "x"})
    assert [field for field, _ in violations(refused)] == ["colour", "station.colour", "station.latitude"]
