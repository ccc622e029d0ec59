"""Every RPC that takes a request id: a repeat by the same caller is the first answer, another request with it is 409.

Other callers do not know of it, nor do other RPCs.
"""

import secrets
from typing import Any, NamedTuple

import pytest

from stack.descriptors import Contracts
from tests.fixtures.system import Answer, System

pytestmark = pytest.mark.field_case("C2")

_SESSIONS = "/charging-sessions/{session}/"
_COMMANDS = "/charge-points/{point}/"
_CENTS = 10_000_000


class Repeated(NamedTuple):
    """An RPC, its path, a request, the same with a change, and one that another caller may send beside the first."""

    rpc: str
    path: str
    first: dict[str, Any]
    changed: dict[str, Any]
    of_another: dict[str, Any]


def _created(rpc: str, path: str, first: dict[str, Any], changed: dict[str, Any], other: dict[str, Any]) -> Repeated:
    return Repeated(rpc, f"{path}?requestId={{id}}", first, first | changed, first | other)


def _command(rpc: str, verb: str, first: dict[str, Any] | None = None, **changed: Any) -> Repeated:
    options = {"requestId": "{id}", "queueWhileOffline": True}
    asked = {**(first or {}), "options": options}
    change = changed or {"options": options | {"expireAfter": "99s"}}
    return Repeated(f"CommandService/{rpc}", _COMMANDS + verb, asked, asked | change, asked)


def _decision(rpc: str, verb: str, **asked: Any) -> Repeated:
    first = {"reason": "as said", "requestId": "{id}", **asked}
    return Repeated(f"DecisionService/{rpc}", _SESSIONS + verb, first, first | {"reason": "otherwise"}, first)


_CAMPAIGN = {
    "command": {"clearCache": {}},
    "selection": {"chargePointIds": ["{point}"]},
    "options": {"requestId": "{id}"},
}
_IMAGE = {"name": "A", "firmware": {"version": "2", "location": "https://firmware.example/2.bin"}, "requestId": "{id}"}
_WAVES = {"campaign": {"fileId": "{file}", "selection": {"chargePointIds": ["{point}"]}}, "requestId": "{id}"}
RPCS = [
    _created("StationService/CreateStation", "/stations", {"name": "A {tag}"}, {"city": "Riga"}, {}),
    _created(
        "ChargePointService/CreateChargePoint", "/charge-points", {"id": "P{tag}"}, {"id": "Q{tag}"}, {"id": "R{tag}"}
    ),
    _created("DriverService/CreateDriver", "/drivers", {"name": "A {tag}"}, {"membershipTier": "GOLD"}, {}),
    _created(
        "RfidCardService/CreateRfidCard", "/rfid-cards", {"idTag": "A{tag}"}, {"groupId": "G"}, {"idTag": "B{tag}"}
    ),
    _created(
        "TariffService/CreateTariff",
        "/pricing/tariffs",
        {"name": "A {tag}", "currencyCode": "EUR", "components": [{"kind": "ENERGY", "price": {"units": "1"}}]},
        {"taxBasisPoints": 1900},
        {},
    ),
    _created("BillingService/CreateChargingSession", "/charging-sessions", {"idTag": "A"}, {"idTag": "B"}, {}),
    _created(
        "PaymentService/CreatePayment",
        "/payments",
        {"invoiceId": "{invoice}", "amount": {"currencyCode": "EUR", "units": "1"}},
        {"amount": {"currencyCode": "EUR", "units": "1", "nanos": 50 * _CENTS}},
        {},
    ),
    _created(
        "PaymentService/CreatePaymentMethod",
        "/payment-methods",
        {"driverId": "{driver}", "kind": "CASH", "label": "A"},
        {"label": "B"},
        {},
    ),
    _command("CreateCommand", "commands", {"command": {"clearCache": {}}}, command={"reset": {"type": "SOFT"}}),
    _command("GetBaseReport", "get-base-report", {"base": "FULL_INVENTORY"}, base="SUMMARY_INVENTORY"),
    _command("GetReport", "get-report", {"componentCriteria": ["ACTIVE"]}, componentCriteria=["PROBLEM"]),
    _command("RemoteStart", "remote-start", {"idTag": "A"}, idTag="B"),
    _command("RemoteStop", "remote-stop", {"ocppTransactionId": "7"}, ocppTransactionId="8"),
    _command("ResetChargePoint", "reset", {"type": "SOFT"}, type="HARD"),
    _command("UnlockConnector", "unlock", {"connectorId": 1}, connectorId=2),
    _command("ChangeAvailability", "change-availability", {"availability": "OPERATIVE"}, connectorId=1),
    _command("GetConfiguration", "get-configuration", {"keys": ["A"]}, keys=["B"]),
    _command("ChangeConfiguration", "change-configuration", {"key": "A", "value": "1"}, value="2"),
    _command("TriggerMessage", "trigger-message", {"message": "Heartbeat"}, message="BootNotification"),
    _command("ClearCache", "clear-cache"),
    _command("GetTransactionStatus", "get-transaction-status", {"ocppTransactionId": "7"}, ocppTransactionId="8"),
    _command("SendDataTransfer", "transfer-data", {"vendorId": "A"}, data="x"),
    Repeated(
        "CommandCampaignService/CreateCommandCampaign",
        "/command-campaigns",
        _CAMPAIGN,
        _CAMPAIGN | {"name": "B"},
        _CAMPAIGN,
    ),
    Repeated("FileService/CreateFile", "/files", _IMAGE, _IMAGE | {"name": "B"}, _IMAGE),
    Repeated(
        "FirmwareCampaignService/CreateFirmwareCampaign",
        "/firmware-campaigns",
        _WAVES,
        {**_WAVES, "campaign": {"fileId": "{file}", "selection": {"chargePointIds": ["{point}"]}, "name": "B"}},
        _WAVES,
    ),
    _created(
        "ConfigurationTemplateService/CreateConfigurationTemplate",
        "/configuration-templates",
        {"name": "A {tag}", "settings": [{"key": "A", "value": "1"}]},
        {"name": "B {tag}"},
        {"name": "C {tag}"},
    ),
    _decision("CorrectChargingSession", "correct", energyWh=8000),
    _decision("WriteOffChargingSession", "write-off"),
]
# They take part in the same use case as those two; what they decide about comes from charge points.
DECIDED_ALIKE = {"DecisionService/ReleaseChargingSession", "DecisionService/KeepBill"}
# Of charge points: tests/e2e/charging/test_forgotten_sessions.py, tests/e2e/commands/test_a_password_is_rotated.py.
OF_CHARGE_POINTS = {"TransactionService/EndTransaction", "CommandService/RotatePassword"}

# Makes campaigns, each by a request id of its own: tests/contract/services/station/test_configuration_templates.py.
OF_TEMPLATES = {"ConfigurationTemplateService/PushConfigurationTemplate"}


def test_every_rpc_with_a_request_id_is_looked_at() -> None:
    found = set()
    for method in Contracts.load().methods:
        options = method.input_type.fields_by_name.get("options")
        holders = [method.input_type, *([options.message_type] if options is not None else [])]
        if any(holder is not None and "request_id" in holder.fields_by_name for holder in holders):
            found.add(f"{method.containing_service.name}/{method.name}")
    assert found == {repeated.rpc for repeated in RPCS} | DECIDED_ALIKE | OF_CHARGE_POINTS | OF_TEMPLATES


@pytest.fixture(scope="module")
def known(system: System) -> dict[str, str]:
    """What the requests speak of."""
    tag = secrets.token_hex(4)
    energy = [{"kind": "ENERGY", "price": {"units": "1"}}]
    tariff = system.call(
        "POST", "/pricing/tariffs", {"name": f"R {tag}", "currencyCode": "EUR", "components": energy}
    ).data["id"]
    session = {"tariffId": tariff, "startTime": "2026-03-01T10:00:00Z"}
    session_id = system.call("POST", "/charging-sessions", session).data["id"]
    done = {"energyWh": "10000", "endTime": "2026-03-01T11:00:00Z"}
    billed = system.call("PUT", f"/charging-sessions/{session_id}/complete", done).data
    other = system.call("POST", "/charging-sessions", session).data["id"]
    assert system.call("PUT", f"/charging-sessions/{other}/complete", done).status == 200
    system.call("POST", "/charge-points", {"id": f"CP{tag}"})
    driver = system.call("POST", "/drivers", {"name": f"R {tag}"}).data["id"]
    firmware = {"version": "2", "location": "https://firmware.example/2.bin"}
    file = system.call("POST", "/files", {"name": f"R {tag}", "firmware": firmware}).data["id"]
    named = {"session": other, "driver": driver, "point": f"CP{tag}", "file": file}
    return {"tag": tag, "invoice": billed["invoiceId"], **named}


@pytest.mark.parametrize("repeated", RPCS, ids=lambda repeated: repeated.rpc)
def test_a_request_id_counts_for_one_caller_and_one_request(
    repeated: Repeated, system: System, known: dict[str, str]
) -> None:
    known = known | {"id": secrets.token_hex(8)}
    ann, bob = ({"Authorization": f"Bearer {system.token('admin', '--subject', name)}"} for name in ("ann", "bob"))

    def ask(body: dict[str, Any], headers: dict[str, str]) -> Answer:
        path = _reported(repeated.path, known)
        return system.call("POST", path, _reported(body, known), role=None, headers=headers)

    first = ask(repeated.first, ann)
    assert first.status in (200, 201), first.text
    assert _lasting(ask(repeated.first, ann)) == _lasting(first)
    refused = ask(repeated.changed, ann)
    assert refused.status == 409, refused.text
    assert refused.json["details"][0]["reason"] == "REQUEST_ID_REUSED"
    assert _lasting(ask(repeated.first, ann)) == _lasting(first)
    another = ask(repeated.of_another, bob)
    assert another.status in (200, 201), another.text
    if repeated.rpc.startswith("DecisionService"):
        assert another.data["decisionCount"] == first.data["decisionCount"] + 1
    else:
        assert another.data["id"] != first.data["id"]
    assert _lasting(ask(repeated.of_another, bob)) == _lasting(another)


def test_two_callers_with_one_request_id_pay_twice(system: System, known: dict[str, str]) -> None:
    payments = system.get(f"/payments?invoiceId={known['invoice']}").data
    amounts = [payment["amount"]["units"] for payment in payments]
    assert amounts == ["1", "1"]


def _lasting(answer: Answer) -> dict[str, Any]:
    """An answer without what the platform itself may have changed meanwhile: commands that wait are tried again, and
    campaigns get on."""
    passing = {"updateTime"}
    if "expireTime" in answer.data:
        passing |= {"state"}
    if "progress" in answer.data:
        passing |= {"state", "progress", "selectTime", "endTime"}
    return {name: value for name, value in answer.data.items() if name not in passing}


def _reported(text: Any, known: dict[str, str]) -> Any:
    """`text`, or each text in it, with what it speaks of."""
    if isinstance(text, dict):
        return {name: _reported(item, known) for name, item in text.items()}
    if isinstance(text, list):
        return [_reported(item, known) for item in text]
    return text.format(**known) if isinstance(text, str) else text
