"""Among our parts a place and a token are one thing each, not two loose fields (docs/adr/0068)."""

from google.protobuf.descriptor import Descriptor

from stack.descriptors import Contracts, access_rule

LOOSE = {"evse_id", "connector_id", "id_tag", "id_token", "token_type"}
EVSE, TOKEN = "csms.station.v1.EvseRef", "csms.driver.v1.Token"


def _held(message: Descriptor, found: dict[str, Descriptor]) -> None:
    if message.full_name not in found:
        found[message.full_name] = message
        for field in message.fields:
            if field.message_type is not None:
                _held(field.message_type, found)


def test_what_no_caller_sees_has_no_loose_places_and_tokens(contracts: Contracts) -> None:
    seen: dict[str, Descriptor] = {}
    for method in contracts.methods:
        rule = access_rule(method)
        if rule is None or not rule.permission.startswith("internal."):
            _held(method.input_type, seen)
            _held(method.output_type, seen)
    inside = [message for message in contracts.messages if message.full_name not in seen]
    assert len(inside) > 50
    found = {f"{message.full_name}.{name}" for message in inside for name in LOOSE.intersection(message.fields_by_name)}
    assert found == {f"{EVSE}.evse_id", f"{EVSE}.connector_id"}
    held = [field.message_type for message in inside for field in message.fields if field.message_type is not None]
    for name in (EVSE, TOKEN):
        assert sum(one.full_name == name for one in held) >= 3, name
