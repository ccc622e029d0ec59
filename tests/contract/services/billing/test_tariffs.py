"""Tariffs over gRPC: versions, the default, lists and refusals."""

import asyncio
from typing import Any

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1.tariff_service_pb2 import (
    CreateTariffRequest,
    GetTariffRequest,
    ListTariffsRequest,
    UpdateTariffRequest,
)
from csms.driver.v1.driver_pb2 import Driver
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Caller
from tests.contract.services.billing.messages import (
    STATION,
    component,
    fields_of,
    money,
    new_tariff,
    refusal,
    tariff,
)

UNKNOWN = derived_id("tariff", "unknown")


async def _create(admin: Caller, *components: tariff_pb.PriceComponent, **fields: Any) -> tariff_pb.Tariff:
    return (await admin.tariffs.CreateTariff(new_tariff(*components, **fields))).tariff


async def _get(admin: Caller, tariff_id: str) -> tariff_pb.Tariff:
    return (await admin.tariffs.GetTariff(GetTariffRequest(tariff_id=tariff_id))).tariff


async def _update(admin: Caller, tariff_id: str, *paths: str, **fields: Any) -> tariff_pb.Tariff:
    request = UpdateTariffRequest(tariff_id=tariff_id, tariff=tariff_pb.Tariff(**fields))
    request.update_mask.paths.extend(paths)
    return (await admin.tariffs.UpdateTariff(request)).tariff


async def test_a_tariff_is_kept_as_it_was_given(admin: Caller) -> None:
    given = tariff(
        component("ENERGY", "0.333333333", start_time_of_day="22:00", end_time_of_day="06:00", days_of_week=[6, 7]),
        component("IDLE", "6", grace_minutes=10),
        description="For tests",
        tax_basis_points=1900,
        tier_discounts=[tariff_pb.TierDiscount(membership_tier=Driver.GOLD, discount_basis_points=500)],
        station_ids=[STATION],
        is_default=True,
    )
    call = admin.tariffs.CreateTariff(CreateTariffRequest(tariff=given))
    made = (await call).tariff
    metadata = dict(await call.initial_metadata())
    assert (metadata["x-http-code"], metadata["location"]) == ("201", f"/pricing/tariffs/{made.id}")
    assert (made.version, made.etag, made.create_time) == (1, "1", made.update_time)
    assert await _get(admin, made.id) == made
    for field in ("id", "version", "etag", "create_time", "update_time"):
        made.ClearField(field)
    for part in given.components:
        part.price.currency_code = "EUR"
    assert made == given


async def test_a_repeated_request_makes_one_tariff(admin: Caller) -> None:
    request = new_tariff()
    request.request_id = "once"
    answers = await asyncio.gather(*(admin.tariffs.CreateTariff(request) for _ in range(4)))
    assert len({answer.tariff.id for answer in answers}) == 1
    assert (await admin.tariffs.ListTariffs(ListTariffsRequest())).total_size == 1
    request.request_id = "x" * 101
    assert fields_of(await refusal(admin.tariffs.CreateTariff(request))) == ["requestId"]


async def test_a_change_makes_a_version_of_what_it_carries(admin: Caller) -> None:
    made = await _create(admin, description="Old", tax_basis_points=1900)
    changed = await _update(admin, made.id, name="New name", components=[component(price="0.50")], etag="1")
    assert (changed.id, changed.version, changed.etag) == (made.id, 2, "2")
    assert (changed.name, changed.description, changed.tax_basis_points) == ("New name", "Old", 1900)
    assert changed.components[0].price == money("0.50")
    assert changed.update_time.ToNanoseconds() > made.update_time.ToNanoseconds()
    assert changed.create_time == made.create_time
    assert await _get(admin, made.id) == changed


async def test_a_mask_says_exactly_what_changes(admin: Caller) -> None:
    made = await _create(admin, description="Old", station_ids=[STATION])
    changed = await _update(admin, made.id, "description", "station_ids", name="Not meant")
    assert (changed.name, changed.description, list(changed.station_ids)) == ("Standard", "", [])
    refused = await refusal(_update(admin, made.id, "version", version=7))
    assert (refused.reason, fields_of(refused)) == ("INVALID_UPDATE_MASK", ["updateMask"])


async def test_a_change_of_an_old_version_is_refused(admin: Caller) -> None:
    made = await _create(admin)
    await _update(admin, made.id, name="Second", etag=made.etag)
    refused = await refusal(_update(admin, made.id, name="Third", etag=made.etag))
    assert (refused.kind, refused.reason) == (ErrorKind.CONFLICT, "ETAG_MISMATCH")
    assert (await _update(admin, made.id, name="Third")).version == 3


async def test_changes_at_the_same_time_make_a_version_each(admin: Caller) -> None:
    made = await _create(admin)
    changed = await asyncio.gather(*(_update(admin, made.id, name=f"Name {number}") for number in range(8)))
    assert sorted(one.version for one in changed) == list(range(2, 10))
    outcomes = await asyncio.gather(
        *(_update(admin, made.id, name=f"Other {number}", etag="9") for number in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert (await _get(admin, made.id)).version == 10


async def test_the_default_moves_and_leaves_a_new_version_behind(admin: Caller) -> None:
    first = await _create(admin, name="First", is_default=True)
    second = await _create(admin, name="Second", is_default=True)
    first_now = await _get(admin, first.id)
    assert (first_now.is_default, first_now.version, second.is_default) == (False, 2, True)
    # Who has read the version that was the default must not write it back unknowingly.
    assert (await refusal(_update(admin, first.id, is_default=True, etag="1"))).reason == "ETAG_MISMATCH"
    assert (await _update(admin, first.id, is_default=True, etag="2")).is_default
    assert not (await _get(admin, second.id)).is_default


async def test_of_many_defaults_made_at_the_same_time_one_remains(admin: Caller) -> None:
    made = await asyncio.gather(*(_create(admin, name=f"Default {number}", is_default=True) for number in range(6)))
    await asyncio.gather(*(_update(admin, one.id, is_default=True) for one in made))
    now = [await _get(admin, one.id) for one in made]
    assert sum(one.is_default for one in now) == 1


async def test_lists_are_paged_the_newest_first(admin: Caller) -> None:
    made = [await _create(admin, name=f"Tariff {number}") for number in range(5)]
    await _update(admin, made[0].id, name="Changed")
    names, token = [], ""
    for size in (2, 2, 1):
        page = await admin.tariffs.ListTariffs(ListTariffsRequest(page_size=2, page_token=token))
        assert (len(page.tariffs), page.total_size) == (size, 5)
        names += [one.name for one in page.tariffs]
        token = page.next_page_token
    assert names == ["Tariff 4", "Tariff 3", "Tariff 2", "Tariff 1", "Changed"]
    assert token == ""


async def test_lists_hold_what_is_in_use_and_of_a_station_what_can_apply_there(admin: Caller) -> None:
    default = await _create(admin, name="Default", is_default=True)
    here = await _create(admin, name="Here", station_ids=[STATION])
    elsewhere = await _create(admin, name="Elsewhere", station_ids=[UNKNOWN])
    retired = await _update(admin, elsewhere.id, retired=True)

    async def listed(**fields: Any) -> list[str]:
        found = await admin.tariffs.ListTariffs(ListTariffsRequest(**fields))
        return [one.id for one in found.tariffs]

    assert await listed() == [here.id, default.id]
    assert await listed(include_retired=True) == [retired.id, here.id, default.id]
    assert await listed(station_id=STATION) == [here.id, default.id]
    assert await listed(station_id="no id") == [default.id]


async def test_a_bad_page_is_refused(admin: Caller) -> None:
    for request, named in (
        (ListTariffsRequest(page_size=-1), "pageSize"),
        (ListTariffsRequest(page_token="nonsense"), "pageToken"),
        # The token of a list with another key.
        (ListTariffsRequest(page_token="WyJhIiwiYiJd"), "pageToken"),
    ):
        assert fields_of(await refusal(admin.tariffs.ListTariffs(request))) == [named]


async def test_what_does_not_exist_is_not_found(admin: Caller) -> None:
    for tariff_id in (UNKNOWN, "no id", "x" * 300):
        refused = await refusal(_get(admin, tariff_id))
        assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "TARIFF_NOT_FOUND")
    assert (await refusal(_update(admin, UNKNOWN, name="x"))).reason == "TARIFF_NOT_FOUND"


async def test_bad_input_is_refused_by_name(admin: Caller) -> None:
    cases: list[tuple[tariff_pb.Tariff | None, str, list[str]]] = [
        (None, "MISSING_FIELD", ["tariff"]),
        (tariff_pb.Tariff(name="x"), "MISSING_FIELD", ["tariff.currencyCode", "tariff.components"]),
        (
            tariff(tariff_pb.PriceComponent()),
            "MISSING_FIELD",
            ["tariff.components[0].kind", "tariff.components[0].price"],
        ),
        (tariff(component(price="-1")), "INVALID_FIELD", ["tariff.components[0].price"]),
        (
            tariff(component(start_time_of_day="25:00", end_time_of_day="06:00")),
            "INVALID_FIELD",
            ["tariff.components[0].startTimeOfDay"],
        ),
        (tariff(currency_code="euro"), "INVALID_FIELD", ["tariff.currencyCode"]),
        (tariff(tax_basis_points=-1), "INVALID_FIELD", ["tariff.taxBasisPoints"]),
        (tariff(name=" "), "INVALID_FIELD", ["tariff.name"]),
        (tariff(name="a\0b"), "INVALID_FIELD", ["tariff.name"]),
        (
            tariff(tier_discounts=[tariff_pb.TierDiscount(membership_tier=Driver.BASIC)] * 2),
            "INVALID_FIELD",
            ["tariff.tierDiscounts[1].membershipTier"],
        ),
        (tariff(station_ids=["x"]), "INVALID_FIELD", ["tariff.stationIds[0]"]),
    ]
    for given, reason, named in cases:
        refused = await refusal(admin.tariffs.CreateTariff(CreateTariffRequest(tariff=given)))
        assert (refused.kind, refused.reason, fields_of(refused)) == (ErrorKind.INVALID_ARGUMENT, reason, named)


async def test_a_bad_change_is_refused_and_leaves_no_version(admin: Caller) -> None:
    made = await _create(admin, is_default=True)
    for fields in ({"retired": True}, {"tax_basis_points": 10_001}, {"components": [component(price="-1")]}):
        assert (await refusal(_update(admin, made.id, **fields))).reason == "INVALID_FIELD"
    dollars = component()
    dollars.price.currency_code = "USD"
    refused = await refusal(_update(admin, made.id, components=[dollars]))
    assert fields_of(refused) == ["tariff.components[0].price.currencyCode"]
    assert await _get(admin, made.id) == made
