"""StationService.ListStations: the search by place."""

from typing import Any

import pytest

from csms.station.v1 import station_service_pb2 as pb
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from tests.contract.services.station.callers import create_station
from tests.fixtures.calls import bad_fields

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Places in Berlin and beyond, with their distances from the first in metres (great circle).
GATE = (52.516272, 13.377722)
PLACES = {"gate": (GATE, 0), "tower": ((52.520815, 13.409419), 2204), "lake": ((52.434, 13.176), 16414)}


async def _list(stations: StationServiceStub, **filters: Any) -> pb.ListStationsResponse:
    return await stations.ListStations(pb.ListStationsRequest(**filters))


async def _names(stations: StationServiceStub, **filters: Any) -> list[str]:
    return [station.name for station in (await _list(stations, **filters)).stations]


async def test_a_search_by_place_finds_the_nearest_first_with_their_distances(
    stations: StationServiceStub, name: str
) -> None:
    for label, (place, _) in reversed(PLACES.items()):
        await create_station(stations, name=f"{label} {name}", latitude=place[0], longitude=place[1])
    await create_station(stations, name=f"nowhere {name}")
    here = {"text": name, "latitude": GATE[0], "longitude": GATE[1]}

    found = await _list(stations, **here, radius_km=50)

    assert [station.name.split()[0] for station in found.stations] == list(PLACES)
    for station, (_, distance) in zip(found.stations, PLACES.values(), strict=True):
        assert station.distance_meters == pytest.approx(distance, abs=max(30, distance * 0.005))
    assert found.total_size == 3
    assert [n.split()[0] for n in await _names(stations, **here, radius_km=3)] == ["gate", "tower"]
    assert [n.split()[0] for n in await _names(stations, **here, radius_km=0.0005)] == ["gate"]

    paged, token = [], ""
    for _ in PLACES:
        page = await _list(stations, **here, radius_km=50, page_size=1, page_token=token)
        paged += [station.name.split()[0] for station in page.stations]
        token = page.next_page_token
    assert (paged, token) == (list(PLACES), "")


async def test_the_search_goes_across_the_date_line_and_the_poles(stations: StationServiceStub, name: str) -> None:
    places = [(0.0, 179.99), (0.0, -179.99), (89.99, 0.0), (89.99, 180.0), (-90.0, 0.0)]
    for number, (latitude, longitude) in enumerate(places):
        await create_station(stations, name=f"{number} {name}", latitude=latitude, longitude=longitude)

    async def near(latitude: float, longitude: float, radius_km: float) -> list[str]:
        found = await _names(stations, text=name, latitude=latitude, longitude=longitude, radius_km=radius_km)
        return sorted(n[0] for n in found)

    assert await near(0, 180, 2) == ["0", "1"]
    assert await near(90, 0, 2) == ["2", "3"]
    assert await near(-90, 77, 1) == ["4"]
    assert await near(0, 2, 20_000) == ["0", "1", "2", "3", "4"]


async def test_distances_too_small_for_arithmetic_are_none(stations: StationServiceStub, name: str) -> None:
    """PostgreSQL refuses to square them: one such station would fail everybody's searches."""
    least = 5e-324
    await create_station(stations, name=name, latitude=least, longitude=-1e-160)
    for latitude, longitude in ((least, -1e-300), (0, 0), (1e-170, 1e-170)):
        found = await _list(stations, text=name, latitude=latitude, longitude=longitude, radius_km=least)
        assert [station.distance_meters for station in found.stations] == [0]


async def test_a_search_by_place_needs_a_whole_place(stations: StationServiceStub) -> None:
    assert await bad_fields(_list(stations, latitude=52)) == ["longitude", "radiusKm"]
    assert await bad_fields(_list(stations, latitude=91, longitude=181, radius_km=0)) == [
        "latitude",
        "longitude",
        "radiusKm",
    ]
