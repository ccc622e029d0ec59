"""Secrets that were stored before they were masked: what the migrations leave of them."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from services.postgres import migrations
from services.station.domain.password import hashed, matches
from tests.fixtures.postgres import DatabaseAt

pytestmark = pytest.mark.field_case("E3")

SECRET = "0123456789abcdef"
COMMAND = "01900000-0000-7000-8000-00000000000"
SETTING = {"key": "AuthorizationKey", "value": SECRET}
USUAL = {"key": "HeartbeatInterval", "value": "60"}


def test_settings_of_stations_forget_them(database_at: DatabaseAt) -> None:
    url = database_at("station", "0008")
    settings = {"AuthorizationKey": SECRET, "Wifi.Psk": SECRET, "HeartbeatInterval": "60"}
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO stations (id, name, address, city, country, time_zone, status, configuration,"
            " create_time, update_time, revision) VALUES (%s, 'S', '', '', '', 'UTC', 'ACTIVE', %s, now(), now(), 1)",
            (f"{COMMAND}0", Jsonb(settings)),
        )
    migrations.upgrade(url, "station")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT configuration FROM stations").fetchall() == [({"HeartbeatInterval": "60"},)]


def test_a_new_password_goes_on_waiting_for_its_first_use(database_at: DatabaseAt) -> None:
    url = database_at("station", "0008")
    with psycopg.connect(url) as connection:
        for name, waiting in (("CP1", hashed(SECRET)), ("CP2", None)):
            connection.execute(
                "INSERT INTO charge_points (id, vendor, model, reported_vendor, reported_model, serial_number,"
                " firmware_version, security_profile, state, heartbeat_interval_seconds, create_time, update_time,"
                " revision, next_password_hash) VALUES (%s, '', '', '', '', '', '', 0, 'ACCEPTED', 0, now(), now(),"
                " 1, %s)",
                (name, waiting),
            )
    migrations.upgrade(url, "station")
    with psycopg.connect(url) as connection:
        rows: dict[str, list[str]] = dict(connection.execute("SELECT id, next_passwords FROM charge_points").fetchall())
    assert rows["CP2"] == []
    [text] = rows["CP1"]
    source, _, digits = text.rpartition(":")
    assert source == ""
    assert matches(SECRET.encode(), bytes.fromhex(digits))


def test_commands_are_masked_and_what_cannot_be_sent_any_more_is_given_up(database_at: DatabaseAt) -> None:
    url = database_at("transaction", "0012")
    rows: list[tuple[str, Any, str, Any, str]] = [
        ("change_configuration", SETTING, "QUEUED", None, ""),
        ("change_configuration", SETTING, "FAILED", None, f"OCPP_CALL_ERROR: {SECRET} is bad"),
        ("change_configuration", USUAL, "QUEUED", None, ""),
        ("get_configuration", {}, "ACCEPTED", {"configurationKey": [SETTING, USUAL]}, ""),
        ("transfer_data", {"vendor_id": "V", "data": f"password={SECRET}"}, "ACCEPTED", None, ""),
    ]
    with psycopg.connect(url) as connection:
        for number, (kind, body, state, answer, error) in enumerate(rows):
            connection.execute(
                "INSERT INTO commands (id, charge_point_id, kind, body, state, status, answer, error, transaction_id,"
                " requested_by, create_time, update_time, expire_time, delivery_time)"
                " VALUES (%s, 'CP1', %s, %s, %s, '', %s, %s, '', 'ann', now(), now(), now(), now())",
                (f"{COMMAND}{number}", kind, Jsonb(body), state, Jsonb(answer) if answer else None, error),
            )
    migrations.upgrade(url, "transaction")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT body, state, answer, error FROM commands ORDER BY id").fetchall()
    masked = {**SETTING, "value": "***"}
    assert found[0][:3] == (masked, "FAILED", None)
    assert "send it again" in found[0][3]
    assert found[1] == (masked, "FAILED", None, "OCPP_CALL_ERROR: *** is bad")
    assert found[2] == (USUAL, "QUEUED", None, "")
    assert found[3][2] == {"configurationKey": [masked, USUAL]}
    assert found[4][0]["data"] == "password=***"


def test_frames_are_masked_both_ways(database_at: DatabaseAt) -> None:
    url = database_at("transaction", "0012")
    request = json.dumps([2, "1", "ChangeConfiguration", {"key": "wifi.psk", "value": SECRET}])
    refusal = json.dumps([4, "1", "GenericError", f"{SECRET} is too short", {}])
    settings = json.dumps([3, "2", {"configurationKey": [SETTING, USUAL]}])
    plain = '[2,"3","ChangeConfiguration", {"key":"HeartbeatInterval","value":"60"}]'
    rows = [
        ("ChangeConfiguration", request, refusal),
        ("GetConfiguration", '[2,"2","GetConfiguration",{}]', settings),
        ("ChangeConfiguration", plain, None),
        ("NotifyReport", '[2,"4","NotifyReport",{"password":"' + SECRET, None),
    ]
    with psycopg.connect(url) as connection:
        for number, (action, frame, answer) in enumerate(rows):
            connection.execute(
                "INSERT INTO ocpp_messages (charge_point_id, time, id, epoch, direction, message_id, action, frame,"
                " error_code, latency_us, protocol, answer_frame)"
                " VALUES ('CP1', now(), %s, 1, 'OUTBOUND', '1', %s, %s, '', 0, 'ocpp1.6', %s)",
                (f"{COMMAND}{number}", action, frame, answer),
            )
    migrations.upgrade(url, "transaction")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT frame, answer_frame FROM ocpp_messages ORDER BY id").fetchall()
    assert SECRET not in str(found)
    assert json.loads(found[0][1])[3] == "*** is too short"
    assert json.loads(found[1][1])[2]["configurationKey"][1] == USUAL
    assert found[2:] == [(plain, None), ("***", None)]
