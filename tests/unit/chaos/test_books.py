from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.books import Book, ConnectorKey, SessionKey, read
from simulator.ledger import Acknowledgement

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(action: str, request: dict[str, Any], answer: dict[str, Any] | None = None, protocol: str = "1.6") -> Any:
    return Acknowledgement("CP1", protocol, "1", action, request, answer or {}, T0, T0)


def stamp(seconds: int) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def start16(number: int = 7, status: str = "Accepted") -> Acknowledgement:
    request = {"connectorId": 1, "idTag": "tag", "meterStart": 100, "timestamp": stamp(0)}
    found: Acknowledgement = entry(
        "StartTransaction", request, {"transactionId": number, "idTagInfo": {"status": status}}
    )
    return found


def stop16(number: int = 7) -> Acknowledgement:
    found: Acknowledgement = entry(
        "StopTransaction", {"transactionId": number, "meterStop": 350, "timestamp": stamp(60)}
    )
    return found


def event201(kind: str, seconds: int, *, wh: int | None = None, **more: Any) -> Acknowledgement:
    context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
    register = {"measurand": "Energy.Active.Import.Register", "value": wh, "context": context}
    values = [{"timestamp": stamp(seconds), "sampledValue": [register]}] if wh is not None else []
    request = {
        "eventType": kind,
        "timestamp": stamp(seconds),
        "transactionInfo": {"transactionId": "abc", **more.pop("info", {})},
        "evse": {"id": 2, "connectorId": 1},
        "meterValue": values,
        **more,
    }
    found: Acknowledgement = entry("TransactionEvent", request, more.get("answer"), "2.0.1")
    return found


def test_a_16_session_is_known_by_the_number_that_the_platform_gave_it() -> None:
    book = read([start16(), stop16()])
    session = book.sessions[SessionKey("CP1", "7")]
    assert session.energy_wh == 250
    assert session.authorization == "Accepted"
    assert session.start
    assert session.start.id_tag == "TAG"


def test_a_16_end_without_a_number_is_that_of_the_session_that_began_last_before_it() -> None:
    def started(number: int, at: int, meter_wh: int) -> Acknowledgement:
        request = {"connectorId": 1, "idTag": "tag", "meterStart": meter_wh, "timestamp": stamp(at)}
        reported: Acknowledgement = entry(
            "StartTransaction", request, {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        )
        return reported

    def stopped(number: int, at: int, meter_wh: int) -> Acknowledgement:
        reported: Acknowledgement = entry(
            "StopTransaction", {"transactionId": number, "meterStop": meter_wh, "timestamp": stamp(at)}
        )
        return reported

    book = read(
        [stopped(-1, 160, 500), started(2, 100, 350), stopped(-1, 60, 350), started(1, 0, 100), started(3, 200, 500)]
    )
    energies = [book.sessions[SessionKey("CP1", str(number))].energy_wh for number in (1, 2, 3)]
    assert energies == [250, 150, None]
    assert len(book.sessions) == 3


def test_a_201_session_is_known_by_the_stations_own_name_whatever_the_order() -> None:
    token = {"idToken": {"idToken": "tag", "type": "ISO14443"}}
    events = [event201("Started", 0, wh=100, **token), event201("Updated", 30, wh=200), event201("Ended", 60, wh=350)]
    assert read(events).sessions == read(reversed(events)).sessions
    session = read(events).sessions[SessionKey("CP1", "abc")]
    assert session.energy_wh == 250


def test_what_was_acknowledged_twice_is_one_fact_and_both_answers_are_kept() -> None:
    book = read([start16(7), start16(7), stop16(), stop16()])
    assert (book.acknowledged, len(book.starts), len(book.ends)) == (4, 1, 1)
    assert list(book.numbers.values()) == [{"7"}]
    assert list(read([start16(7), start16(8)]).numbers.values()) == [{"7", "8"}]


def test_without_its_end_or_its_start_a_session_has_no_energy() -> None:
    assert read([start16()]).sessions[SessionKey("CP1", "7")].energy_wh is None
    assert read([stop16()]).sessions[SessionKey("CP1", "7")].energy_wh is None


def test_a_stop_for_no_number_is_a_fact_but_no_session() -> None:
    book = read([stop16(-1)])
    assert len(book.ends) == 1
    assert not book.sessions


def test_an_event_with_a_register_is_a_reading_and_one_without_an_update() -> None:
    book = read([event201("Updated", 10, wh=5), event201("Updated", 20, info={"chargingState": "Charging"})])
    assert [(reading.time, reading.energy_wh) for reading in book.readings] == [(T0 + timedelta(seconds=10), 5)]
    assert [update.charging_state for update in book.updates] == ["Charging"]


def test_of_the_statuses_of_a_connector_the_latest_counts_whenever_it_was_acknowledged() -> None:
    def status(word: str, seconds: int) -> Acknowledgement:
        request = {"connectorId": 1, "status": word, "errorCode": "NoError", "timestamp": stamp(seconds)}
        found: Acknowledgement = entry("StatusNotification", request)
        return found

    book = read([status("Charging", 20), status("Preparing", 10)])
    assert book.statuses[ConnectorKey("CP1", 1, 1)].status == "Charging"
    # Connector 0 is the charge point as a whole, which has no row of a connector.
    zero = entry("StatusNotification", {"connectorId": 0, "status": "Available", "timestamp": stamp(0)})
    assert read([zero]).statuses == {}


def test_an_empty_ledger_is_an_empty_book() -> None:
    assert read([]) == Book()


def test_a_status_that_2_1_tells_as_a_variable_is_one() -> None:
    event = {
        "timestamp": stamp(5),
        "actualValue": "Occupied",
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    others = [event | {"component": {"name": "ChargingStation"}}, event | {"variable": {"name": "Problem"}}]
    book = read([entry("NotifyEvent", {"eventData": [event, *others]}, protocol="2.1")])
    assert {key: status.status for key, status in book.statuses.items()} == {ConnectorKey("CP1", 2, 1): "Occupied"}


def test_of_two_statuses_of_one_millisecond_the_later_one_counts() -> None:
    said = {"connectorId": 1, "errorCode": "NoError", "timestamp": stamp(5)}
    told = [entry("StatusNotification", {**said, "status": status}) for status in ("Finishing", "Available")]
    late = entry("StatusNotification", {**said, "status": "Charging", "timestamp": stamp(4)})
    assert [one.status for one in read([*told, late]).statuses.values()] == ["Available"]
