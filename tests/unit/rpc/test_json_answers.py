"""Pages as JSON: what is kept and for how long, and that nobody is told what his role may not read"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from csms.station.v1 import charge_point_pb2 as point_pb
from csms.station.v1 import charge_point_service_pb2 as service_pb
from services.kernel.pagination import Head, Page
from services.rpc.auth import ANONYMOUS, Caller, set_caller
from services.rpc.json_answers import Item, JsonPages

_KEPT_SECONDS = 5.0


class Stored:
    """Charge points by id, with a version each."""

    def __init__(self) -> None:
        self.now = 0.0
        self.points: dict[str, tuple[str, point_pb.ChargePoint]] = {}
        self.fetched: list[str] = []
        self.lasting = True
        self._pages = JsonPages(service_pb.ListChargePointsResponse, lambda: self.now)

    def put(self, charge_point_id: str, version: str, **fields: Any) -> None:
        self.points[charge_point_id] = version, point_pb.ChargePoint(id=charge_point_id, **fields)

    async def page(self, *gone: str, role: str = "admin") -> dict[str, Any]:
        """All of them; those that are `gone` went after they were found."""
        set_caller(Caller("ann", role))
        heads = [Head(name, version) for name, (version, _) in self.points.items()]
        for name in gone:
            del self.points[name]
        answer: Any = await self._pages.answer(Page(heads, 'next"', len(heads)), self._fetch)
        found: dict[str, Any] = json.loads(answer.text)
        return found

    async def _fetch(self, ids: Sequence[str]) -> list[Item]:
        self.fetched += ids
        found = [(name, *self.points[name]) for name in ids if name in self.points]
        items = []
        for name, version, point in found:
            copied = point_pb.ChargePoint()
            copied.CopyFrom(point)
            items.append(Item(Head(name, version), copied, self.lasting))
        return items


@pytest.fixture
def stored() -> Iterator[Stored]:
    """Two charge points."""
    stored = Stored()
    stored.put("A", "1", vendor="a")
    stored.put("B", "1", vendor="b")
    yield stored
    set_caller(ANONYMOUS)


async def test_a_page_has_the_form_that_its_contract_says(stored: Stored) -> None:
    page = await stored.page()
    assert page.keys() == {"data", "nextPageToken", "totalSize"}
    shown = [(one["id"], one["vendor"], one["connectors"]) for one in page["data"]]
    assert shown == [("A", "a", []), ("B", "b", [])]
    assert (page["nextPageToken"], page["totalSize"]) == ('next"', 2)


async def test_what_is_as_it_was_is_written_once(stored: Stored) -> None:
    assert await stored.page() == await stored.page()
    assert stored.fetched == ["A", "B"]


async def test_a_change_shows_at_once_and_is_all_that_is_fetched(stored: Stored) -> None:
    await stored.page()
    stored.put("B", "2", vendor="c")
    page = await stored.page()
    assert [one["vendor"] for one in page["data"]] == ["a", "c"]
    assert stored.fetched == ["A", "B", "B"]


async def test_nothing_is_kept_for_long(stored: Stored) -> None:
    await stored.page()
    stored.now = _KEPT_SECONDS
    await stored.page()
    assert stored.fetched == ["A", "B", "A", "B"]


async def test_what_changes_without_its_rows_is_not_kept(stored: Stored) -> None:
    stored.lasting = False
    await stored.page()
    await stored.page()
    assert stored.fetched == ["A", "B", "A", "B"]


async def test_what_is_gone_by_the_time_that_it_is_fetched_is_left_out(stored: Stored) -> None:
    page = await stored.page("A")
    assert [one["id"] for one in page["data"]] == ["B"]


async def test_each_role_is_told_what_it_may_read(stored: Stored) -> None:
    stored.put("A", "1", vendor="a", password="secret", firmware_version="7")
    for _ in range(2):
        for role in ("admin", "driver"):
            [shown, _] = (await stored.page(role=role))["data"]
            # What callers only say is told to nobody.
            assert "password" not in shown
            assert shown.get("firmwareVersion") == ("7" if role == "admin" else None)


async def test_only_so_many_are_kept(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rpc.json_answers._MOST_KEPT", 1)
    await stored.page()
    await stored.page()
    assert stored.fetched == ["A", "B", "A"]
