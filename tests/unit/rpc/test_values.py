"""services.rpc.values"""

import math
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.values import MAX_TEXT, _has_values, check
from tests.fixtures.library import message


def _create(**book: Any) -> Any:
    return message("CreateBookRequest")(book=book)


def _bad(request: Any) -> list[tuple[str, str]]:
    with pytest.raises(DomainError) as refused:
        check(request)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    return [(violation.field, violation.description) for violation in refused.value.violations]


def test_endless_text_is_refused_wherever_it_is() -> None:
    long = "x" * (MAX_TEXT + 1)
    request = _create(
        note=long, authors=[{"full_name": "A"}, {"full_name": long}], translators_by_language={long: {"full_name": "A"}}
    )

    with pytest.raises(DomainError) as refused:
        check(request)

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.field for violation in refused.value.violations] == [
        "book.authors[1].fullName",
        f"book.translatorsByLanguage[{'x' * 100}]",
        "book.note",
    ]


def test_text_of_the_greatest_length_and_long_bytes_pass() -> None:
    check(_create(note="é" * MAX_TEXT))
    check(_create(cover_image=b"x" * (MAX_TEXT * 2), note="x"))


def test_text_that_postgresql_cannot_store_is_refused_wherever_it_is() -> None:
    with pytest.raises(DomainError) as refused:
        check(_create(note="a\0b", translators_by_language={"\0": {"full_name": "A"}}, cover_image=b"\0"))

    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    assert [violation.field for violation in refused.value.violations] == [
        "book.translatorsByLanguage[\0]",
        "book.note",
    ]


def test_bytes_and_numbers_may_hold_zeros() -> None:
    check(_create(cover_image=b"\0\0", shelf_number=0))


def test_a_contract_may_allow_longer_texts() -> None:
    check(message("GreetRequest")(long_text="x" * 20_000))
    assert _bad(message("GreetRequest")(long_text="x" * 20_001)) == [("longText", "must have at most 20000 characters")]


@pytest.mark.field_case("C4", "C13")
def test_a_value_that_an_enum_lacks_is_refused_with_those_it_has() -> None:
    check(_create(binding=1))
    assert _bad(_create(binding=7)) == [("book.binding", "must be one of PAPER")]
    assert _bad(_create(binding=-1, sequel={"binding": 2})) == [
        ("book.binding", "must be one of PAPER"),
        ("book.sequel.binding", "must be one of PAPER"),
    ]
    assert _bad(message("GreetRequest")(bindings=[1, 9], bindings_by_name={"a": 1, "b": 5})) == [
        ("bindings[1]", "must be one of PAPER"),
        ("bindingsByName[b]", "must be one of PAPER"),
    ]


@pytest.mark.field_case("C4")
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    assert _bad(message("GreetRequest")(height=number)) == [("height", "must be a finite number")]
    struct = Struct(fields={"a": Value(list_value=ListValue(values=[Value(number_value=number)]))})
    assert _bad(message("GreetRequest")(details=struct)) == [("details.a[0]", "must be a finite number")]
    nested = Struct(fields={"b": Value(struct_value=struct)})
    assert _bad(message("GreetRequest")(details=nested)) == [("details.b.a[0]", "must be a finite number")]


@pytest.mark.field_case("C4")
def test_a_value_of_json_that_is_none_is_refused() -> None:
    assert _bad(message("GreetRequest")(details=Struct(fields={"a": Value()}))) == [
        ("details.a", "must be a value of JSON")
    ]


@pytest.mark.field_case("C4")
@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(2**63 - 1, 0), (-(2**63), 0), (253_402_300_800, 0), (-62_135_596_801, 0), (0, -1), (0, 1_000_000_000)],
)
def test_a_time_that_no_calendar_has_is_refused(seconds: int, nanos: int) -> None:
    time = {"seconds": seconds, "nanos": nanos}
    assert _bad(message("GreetRequest")(time=time)) == [("time", "is not a time between the years 1 and 9999")]


@pytest.mark.field_case("C4")
@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(2**63 - 1, 0), (-(2**63), 0), (315_576_000_001, 0), (1, -1), (-1, 1), (0, 1_000_000_000)],
)
def test_a_length_of_time_that_is_none_is_refused(seconds: int, nanos: int) -> None:
    length = {"seconds": seconds, "nanos": nanos}
    assert _bad(message("GreetRequest")(length=length)) == [
        ("length", "is not a length of time of at most 10000 years")
    ]


def test_times_and_lengths_of_time_at_their_bounds_pass() -> None:
    for seconds, nanos in ((253_402_300_799, 999_999_999), (-62_135_596_800, 0)):
        check(message("GreetRequest")(time={"seconds": seconds, "nanos": nanos}))
    for seconds, nanos in ((315_576_000_000, 0), (-315_576_000_000, -5), (0, -999_999_999)):
        check(message("GreetRequest")(length={"seconds": seconds, "nanos": nanos}))


def test_a_type_of_texts_and_whole_numbers_is_not_looked_at_when_it_is_short() -> None:
    assert not _has_values(message("GetBookRequest").DESCRIPTOR)
    assert not _has_values(message("AppendPagesRequest").DESCRIPTOR)
    assert _has_values(message("CreateBookRequest").DESCRIPTOR)
