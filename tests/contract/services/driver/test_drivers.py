"""DriverService: drivers, made, found, changed and deleted."""

import asyncio
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from csms.driver.v1 import driver_pb2
from csms.driver.v1 import driver_service_pb2 as pb
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.driver.v1.rfid_card_service_pb2 import CreateRfidCardRequest, GetRfidCardRequest, UpdateRfidCardRequest
from csms.driver.v1.rfid_card_service_pb2_grpc import RfidCardServiceStub
from services.kernel.ids import new_id
from tests.fixtures.calls import bad_fields, reason, said_to_rest
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
UNHEARD_OF: Any = 99
Driver, RfidCard = driver_pb2.Driver, driver_pb2.RfidCard


async def _create(drivers: DriverServiceStub, request_id: str = "", **fields: Any) -> driver_pb2.Driver:
    request = pb.CreateDriverRequest(driver=Driver(**{"name": "Ann", **fields}), request_id=request_id)
    return (await drivers.CreateDriver(request)).driver


async def _update(drivers: DriverServiceStub, driver_id: str, *paths: str, **fields: Any) -> driver_pb2.Driver:
    mask = FieldMask(paths=paths) if paths else None
    request = pb.UpdateDriverRequest(driver_id=driver_id, driver=Driver(**fields), update_mask=mask)
    return (await drivers.UpdateDriver(request)).driver


async def _names(drivers: DriverServiceStub, **filters: Any) -> list[str]:
    return [driver.name for driver in (await drivers.ListDrivers(pb.ListDriversRequest(**filters))).drivers]


async def test_a_driver_is_made_with_defaults_and_found_again(drivers: DriverServiceStub) -> None:
    made = await _create(drivers, name="Ann", phone="+49 30 123456")

    assert (made.name, made.phone, made.membership_tier, made.status) == (
        "Ann",
        "+49 30 123456",
        Driver.BASIC,
        Driver.ACTIVE,
    )
    assert made.etag == "1"
    assert made.create_time == made.update_time
    assert (await drivers.GetDriver(pb.GetDriverRequest(driver_id=made.id))).driver == made


async def test_rest_callers_hear_where_the_new_driver_is(drivers: DriverServiceStub) -> None:
    said = await said_to_rest(drivers.CreateDriver(pb.CreateDriverRequest(driver=Driver(name="Ann"))))

    assert said["x-http-code"] == "201"
    assert said["location"].startswith("/drivers/")


async def test_what_only_the_server_sets_is_ignored(drivers: DriverServiceStub) -> None:
    made = await _create(drivers, id=UNKNOWN, etag="77")

    assert (made.id == UNKNOWN, made.etag) == (False, "1")


async def test_every_bad_field_is_named(drivers: DriverServiceStub) -> None:
    bad = pb.CreateDriverRequest(driver=Driver(name=" ", email="ann", phone="none"))
    too_long = pb.CreateDriverRequest(driver=Driver(name="x" * 201, phone="1" * 51))

    assert await bad_fields(drivers.CreateDriver(too_long)) == ["driver.name", "driver.phone"]
    assert await bad_fields(drivers.CreateDriver(bad)) == ["driver.name", "driver.email", "driver.phone"]
    assert await bad_fields(drivers.CreateDriver(pb.CreateDriverRequest(driver=Driver()))) == ["driver.name"]
    assert await bad_fields(drivers.CreateDriver(pb.CreateDriverRequest())) == ["driver"]
    assert await bad_fields(drivers.CreateDriver(pb.CreateDriverRequest(driver=Driver(name="A\0")))) == ["driver.name"]
    unknown_tier = pb.CreateDriverRequest(driver=Driver(name="Ann", membership_tier=UNHEARD_OF))
    assert await bad_fields(drivers.CreateDriver(unknown_tier)) == ["driver.membershipTier"]


async def test_an_email_address_belongs_to_one_driver(drivers: DriverServiceStub) -> None:
    await _create(drivers, email="taken@example.org")
    other = await _create(drivers, email="other@example.org")
    await _create(drivers)
    await _create(drivers)

    again = pb.CreateDriverRequest(driver=Driver(name="Bea", email="TAKEN@example.org"))
    assert await reason(drivers.CreateDriver(again)) == "DRIVER_EXISTS"
    assert await reason(_update(drivers, other.id, email="Taken@Example.org")) == "DRIVER_EXISTS"


async def test_a_request_with_the_same_id_makes_one_driver(drivers: DriverServiceStub) -> None:
    request_id = new_id()

    made = await asyncio.gather(*(_create(drivers, request_id, name="Ann") for _ in range(4)))

    assert len({driver.id for driver in made}) == 1
    assert (await _create(drivers, request_id, name="Ann")) == made[0]
    assert await reason(_create(drivers, request_id, name="Later")) == "REQUEST_ID_REUSED"
    long = pb.CreateDriverRequest(driver=Driver(name="Ann"), request_id="x" * 101)
    assert await bad_fields(drivers.CreateDriver(long)) == ["requestId"]


async def test_drivers_are_listed_in_pages_the_newest_first(drivers: DriverServiceStub) -> None:
    for number in range(5):
        await _create(drivers, name=f"Paged {number}")

    names, token = [], ""
    while True:
        page = await drivers.ListDrivers(pb.ListDriversRequest(text="paged", page_size=2, page_token=token))
        assert page.total_size == 5
        names += [driver.name for driver in page.drivers]
        token = page.next_page_token
        if not token:
            break

    assert names == [f"Paged {number}" for number in (4, 3, 2, 1, 0)]
    assert await bad_fields(drivers.ListDrivers(pb.ListDriversRequest(page_size=-1))) == ["pageSize"]
    assert await reason(drivers.ListDrivers(pb.ListDriversRequest(page_token="?"))) == "INVALID_PAGE_TOKEN"


async def test_a_list_is_narrowed_by_text_status_tier_and_driver(drivers: DriverServiceStub) -> None:
    mark = new_id()
    gold = await _create(drivers, name=f"Gold {mark}", membership_tier=Driver.GOLD)
    await _create(drivers, name=f"Closed {mark}", status=Driver.CLOSED, email=f"{mark}@example.org")
    await _create(drivers, name="100%", phone="+49 30 987654321")

    assert await _names(drivers, text=f"gold {mark}".upper()) == [f"Gold {mark}"]
    assert await _names(drivers, text=f"{mark}@EXAMPLE") == [f"Closed {mark}"]
    assert await _names(drivers, text="987654321") == ["100%"]
    assert await _names(drivers, text="%%") == []
    assert await _names(drivers, text=mark, status=Driver.CLOSED) == [f"Closed {mark}"]
    assert await _names(drivers, text=mark, membership_tier=Driver.GOLD) == [f"Gold {mark}"]
    assert await _names(drivers, driver_id=gold.id) == [f"Gold {mark}"]
    assert await _names(drivers, driver_id=UNKNOWN) == []
    assert await _names(drivers, driver_id="no id") == []
    assert await _names(drivers, driver_ids=[UNKNOWN, gold.id, "no id"]) == [f"Gold {mark}"]
    assert await _names(drivers, driver_ids=["no id"]) == []
    assert await bad_fields(drivers.ListDrivers(pb.ListDriversRequest(driver_ids=[UNKNOWN] * 251))) == ["driverIds"]
    assert await bad_fields(drivers.ListDrivers(pb.ListDriversRequest(text="x" * 201))) == ["text"]
    assert await bad_fields(drivers.ListDrivers(pb.ListDriversRequest(status=UNHEARD_OF))) == ["status"]


async def test_an_update_without_mask_replaces_what_it_carries(drivers: DriverServiceStub) -> None:
    made = await _create(drivers, name="Ann", phone="+49 30 123456")

    after = await _update(drivers, made.id, name="Bea", membership_tier=Driver.SILVER)

    assert (after.name, after.phone, after.membership_tier, after.etag) == ("Bea", made.phone, Driver.SILVER, "2")
    assert after.create_time == made.create_time
    assert after.update_time.ToNanoseconds() > made.update_time.ToNanoseconds()


async def test_an_update_with_mask_changes_exactly_what_it_names(drivers: DriverServiceStub) -> None:
    made = await _create(drivers, phone="+49 30 123456", status=Driver.SUSPENDED)

    after = await _update(drivers, made.id, "phone", "status", name="Bea")

    assert (after.name, after.phone, after.status) == ("Ann", "", Driver.ACTIVE)
    nameless = _update(drivers, made.id, "*", phone="+49 30 1234")
    assert await bad_fields(nameless) == ["driver.name"]
    assert await reason(_update(drivers, made.id, "wheels")) == "INVALID_UPDATE_MASK"
    assert await reason(_update(drivers, made.id, "id")) == "INVALID_UPDATE_MASK"


async def test_an_update_of_what_somebody_else_changed_is_refused(drivers: DriverServiceStub) -> None:
    made = await _create(drivers)
    await _update(drivers, made.id, name="Bea", etag="1")

    assert await reason(_update(drivers, made.id, name="Cem", etag="1")) == "ETAG_MISMATCH"
    assert (await _update(drivers, made.id, name="Cem", etag="2")).etag == "3"


async def test_concurrent_updates_with_one_etag_are_made_once(drivers: DriverServiceStub) -> None:
    made = await _create(drivers)

    results = await asyncio.gather(
        *(_update(drivers, made.id, name=f"Name {number}", etag="1") for number in range(4)), return_exceptions=True
    )

    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert (await drivers.GetDriver(pb.GetDriverRequest(driver_id=made.id))).driver.etag == "2"


@pytest.mark.parametrize("driver_id", [UNKNOWN, "no id", UNKNOWN.upper()])
async def test_an_unknown_driver_is_not_found(drivers: DriverServiceStub, driver_id: str) -> None:
    assert await reason(drivers.GetDriver(pb.GetDriverRequest(driver_id=driver_id))) == "DRIVER_NOT_FOUND"
    assert await reason(_update(drivers, driver_id, name="Ann")) == "DRIVER_NOT_FOUND"
    assert await reason(drivers.DeleteDriver(pb.DeleteDriverRequest(driver_id=driver_id))) == "DRIVER_NOT_FOUND"
    usage = drivers.GetDriverUsage(pb.GetDriverUsageRequest(driver_id=driver_id))
    assert await reason(usage) == "DRIVER_NOT_FOUND"


async def test_which_driver_must_be_said(drivers: DriverServiceStub) -> None:
    assert await bad_fields(drivers.GetDriver(pb.GetDriverRequest())) == ["driverId"]
    assert await bad_fields(drivers.DeleteDriver(pb.DeleteDriverRequest())) == ["driverId"]
    assert await bad_fields(drivers.UpdateDriver(pb.UpdateDriverRequest())) == ["driverId", "driver"]
    assert await bad_fields(drivers.GetDriverUsage(pb.GetDriverUsageRequest())) == ["driverId"]


async def test_a_deleted_driver_is_gone_and_its_cards_are_in_stock(
    drivers: DriverServiceStub, cards: RfidCardServiceStub, service: RunningService
) -> None:
    made = await _create(drivers)
    card = (
        await cards.CreateRfidCard(CreateRfidCardRequest(rfid_card=RfidCard(id_tag="GONE", driver_id=made.id)))
    ).rfid_card

    said = await said_to_rest(drivers.DeleteDriver(pb.DeleteDriverRequest(driver_id=made.id)))

    assert said == {"x-http-code": "204"}
    assert await reason(drivers.GetDriver(pb.GetDriverRequest(driver_id=made.id))) == "DRIVER_NOT_FOUND"
    left = (await cards.GetRfidCard(GetRfidCardRequest(card_id=card.id))).rfid_card
    assert (left.driver_id, left.etag) == ("", "2")
    stale = UpdateRfidCardRequest(card_id=card.id, rfid_card=RfidCard(group_id="G", etag=card.etag))
    assert await reason(cards.UpdateRfidCard(stale)) == "ETAG_MISMATCH"
    assert len(await reported(service.database, card.id)) == 2


async def test_a_change_of_status_voids_the_decisions_about_all_cards_of_the_driver(
    drivers: DriverServiceStub, cards: RfidCardServiceStub, service: RunningService
) -> None:
    made = await _create(drivers)
    for tag in ("VOID-1", "VOID-2"):
        await cards.CreateRfidCard(CreateRfidCardRequest(rfid_card=RfidCard(id_tag=tag, driver_id=made.id)))

    await _update(drivers, made.id, name="Bea")
    await _update(drivers, made.id, status=Driver.SUSPENDED)

    events = (await reported(service.database, "VOID-"))[2:]
    assert sorted(event.token_changed.token.value for event in events) == ["VOID-1", "VOID-2"]
    assert {event.subject for event in events} == {
        f"csms.event.driver.token.changed.{event.token_changed.rfid_card_id}" for event in events
    }
