"""services.rpc.access"""

import pytest

from services.kernel.errors import DomainError, ErrorKind, not_found
from services.rpc.access import (
    AccessRule,
    access_rule,
    check_response,
    is_safe_to_repeat,
    require_permission,
    restrict_request,
)
from services.rpc.auth import ANONYMOUS, Caller
from tests.fixtures.library import message, method

DRIVER = Caller("dora", "driver", "d1")
OPERATOR = Caller("ann", "operator")
EDGE = Caller("service:edge", "service", service="edge")


def test_the_rule_of_an_rpc_is_read_from_its_contract() -> None:
    assert access_rule(method("GetBook")) == AccessRule(
        permission="billing.invoices.read",
        driver_response_field="book.driver_id",
        internal_callers=frozenset({"edge"}),
    )
    assert access_rule(method("ListBooks")).driver_request_field == "filter.driver_id"
    assert access_rule(method("Greet")) == AccessRule(public=True)
    assert access_rule(method("AppendPages")).internal


@pytest.mark.parametrize("name", [method("Forgotten"), method("Unheard"), "/no.Service/Call", "nonsense"])
def test_an_rpc_without_a_rule_is_closed_to_everybody(name: str) -> None:
    for caller in (ANONYMOUS, DRIVER, OPERATOR, EDGE):
        with pytest.raises(DomainError) as refused:
            require_permission(access_rule(name), caller)
        assert refused.value.kind is ErrorKind.PERMISSION_DENIED


def test_health_and_reflection_of_grpc_are_open() -> None:
    assert access_rule("/grpc.health.v1.Health/Check").public
    require_permission(access_rule("/grpc.health.v1.Health/Check"), ANONYMOUS)


def test_the_missing_permission_is_named() -> None:
    require_permission(access_rule(method("CreateBook")), OPERATOR)

    with pytest.raises(DomainError) as refused:
        require_permission(access_rule(method("CreateBook")), DRIVER)

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert refused.value.metadata == {"permission": "library.books.write"}


@pytest.mark.field_case("E1")
def test_a_service_that_the_rule_does_not_name_is_denied_whatever_the_permission() -> None:
    require_permission(access_rule(method("GetBook")), EDGE)
    require_permission(access_rule(method("Greet")), EDGE)

    for name in ("ListBooks", "Forgotten"):
        with pytest.raises(DomainError) as refused:
            require_permission(access_rule(method(name)), EDGE)
        assert refused.value.kind is ErrorKind.PERMISSION_DENIED
    # Not by its role either.
    with pytest.raises(DomainError):
        require_permission(access_rule(method("AppendPages")), Caller("service:edge", "service"))


def test_a_driver_asks_for_his_own_whether_he_says_so_or_not() -> None:
    rule = access_rule(method("ListBooks"))
    silent, explicit = message("ListBooksRequest")(), message("ListBooksRequest")(filter={"driver_id": "d1"})

    restrict_request(rule, DRIVER, silent)
    restrict_request(rule, DRIVER, explicit)

    assert silent.filter.driver_id == explicit.filter.driver_id == "d1"


def test_a_driver_may_not_name_another() -> None:
    request = message("ListBooksRequest")(filter={"driver_id": "d2"})

    with pytest.raises(DomainError) as refused:
        restrict_request(access_rule(method("ListBooks")), DRIVER, request)

    assert refused.value.kind is ErrorKind.PERMISSION_DENIED
    restrict_request(access_rule(method("ListBooks")), OPERATOR, request)
    assert request.filter.driver_id == "d2"


def test_what_belongs_to_another_driver_looks_as_if_it_did_not_exist() -> None:
    rule = access_rule(method("GetBook"))
    request = message("GetBookRequest")(book_id="b1")
    foreign = message("GetBookResponse")(book={"driver_id": "d2"})

    with pytest.raises(DomainError) as refused:
        check_response(rule, DRIVER, request, foreign)

    missing = not_found("book", "b1")
    assert (refused.value.kind, refused.value.reason, refused.value.message, refused.value.metadata) == (
        missing.kind,
        missing.reason,
        missing.message,
        missing.metadata,
    )
    check_response(rule, DRIVER, request, message("GetBookResponse")(book={"driver_id": "d1"}))
    check_response(rule, OPERATOR, request, foreign)


def test_what_belongs_to_nobody_is_not_a_drivers() -> None:
    with pytest.raises(DomainError):
        check_response(
            access_rule(method("GetBook")), DRIVER, message("GetBookRequest")(), message("GetBookResponse")()
        )


def test_what_reads_or_says_so_may_be_repeated() -> None:
    assert is_safe_to_repeat(method("GetBook"))
    assert is_safe_to_repeat(method("ReplaceBook"))
    assert not is_safe_to_repeat(method("CreateBook"))
    assert not is_safe_to_repeat(method("Greet"))
    assert not is_safe_to_repeat("/no.Service/Call")
