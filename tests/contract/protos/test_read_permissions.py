"""Who is told what: fields that need a permission, and everything that a driver is told."""

from collections.abc import Iterator

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from csms.auth.v1 import access_pb2
from services.rpc.auth import PERMISSIONS_BY_ROLE, allows
from stack.descriptors import Contracts, access_rule, behaviors

pytestmark = pytest.mark.field_case("C8")

# Every field that a driver, or somebody without a token, is told. A new field is added here or needs a permission.
TOLD_TO_DRIVERS = {
    "csms.station.v1.Station": """id name address city country latitude longitude time_zone status connectors
        charge_points distance_meters create_time update_time etag free_vending tenant_id""",
    "csms.station.v1.Connector": """id station_id charge_point_id evse_id connector_id type max_power_w status
        availability status_time free_vending""",
    "csms.station.v1.ChargePoint": "id station_id vendor model online connectors free_vending tenant_id",
    "csms.driver.v1.Driver": "id name email phone membership_tier status create_time update_time etag",
    "csms.driver.v1.RfidCard": """id id_tag token_type driver_id group_id status expiry_time create_time
        update_time etag""",
    "csms.driver.v1.DriverUsage": "driver_id session_count energy_wh duration_seconds costs sessions",
    "csms.driver.v1.SessionUsage": """transaction_id station_id charge_point_id id_tag start_time end_time energy_wh
        cost""",
    "csms.identity.v1.JsonWebKey": "kty use alg kid crv x y",
    "csms.billing.v1.ChargingSession": """id transaction_id station_id charge_point_id connector_id driver_id id_tag
        state start_time end_time energy_wh cost tariff_id tariff_version invoice_id hold_reason create_time
        update_time revision etag idle_minutes hold_detail flags tenant_id""",
    "csms.billing.v1.Invoice": """id number driver_id charging_session_id state issue_time total tax paid lines kind
        corrected_invoice_id credit_note_id due_time""",
    "csms.billing.v1.Payment": """id invoice_id driver_id payment_method_id amount external_reference create_time
        credit_note_id""",
    "csms.billing.v1.PaymentMethod": "id driver_id kind label is_default create_time",
    "csms.billing.v1.Tariff": """id name description currency_code components tax_basis_points tier_discounts
        station_ids is_default retired version create_time update_time etag tax_included min_price max_price holidays
        valid_from valid_until connectors warnings""",
    "csms.billing.v1.TariffConnector": "charge_point_id connector_id",
    "csms.billing.v1.PriceLimit": "net gross",
    "csms.billing.v1.HourlyPrice": "time price",
    "csms.billing.v1.PriceComponent": """kind price start_time_of_day end_time_of_day days_of_week grace_minutes
        step_size tax_basis_points start_date end_date start_of_season end_of_season holidays
        min_energy_wh max_energy_wh
        min_power_w max_power_w min_duration_seconds max_duration_seconds series""",
    "csms.billing.v1.TierDiscount": "membership_tier discount_basis_points",
    "csms.billing.v1.Price": "tariff_id tariff_version lines subtotal tax total",
    "csms.billing.v1.PriceLine": "kind description quantity unit unit_price amount tax_basis_points",
    "csms.billing.v1.PriceExplanation": "charging_session_id driver_id price cost lines time_zone reading_count",
    "csms.billing.v1.ExplainedLine": "line parts part_count step_size step_added exact_amount",
    "csms.billing.v1.ExplainedPart": "begin_time end_time component quantity readings",
    "csms.billing.v1.ExplainedReading": "time energy_wh power_w",
    # Open to anybody: whether the platform works.
    "csms.directory.v1.ServiceInfo": "name address public_port status message version tasks",
    "csms.health.v1.BackgroundTask": "name state failures error progress_time replica",
}


def _reported(message: Descriptor, role: str, found: dict[str, set[str]]) -> None:
    if message.full_name in found or not message.full_name.startswith("csms."):
        return
    fields = [field for field in message.fields if _is_told(field, role)]
    found[message.full_name] = {field.name for field in fields}
    for field in fields:
        if field.message_type is not None:
            _reported(field.message_type, role, found)


def _is_told(field: FieldDescriptor, role: str) -> bool:
    permission = field.GetOptions().Extensions[access_pb2.read_permission]
    return field_behavior_pb2.INPUT_ONLY not in behaviors(field) and (not permission or allows(role, permission))


def test_a_driver_is_told_what_is_for_drivers_whatever_he_may_call(contracts: Contracts) -> None:
    found: dict[str, set[str]] = {}
    for method in contracts.methods:
        rule = access_rule(method)
        if rule is not None and (rule.public or allows("driver", rule.permission)):
            _reported(method.output_type, "driver", found)
    reported = {name: fields for name, fields in found.items() if not name.endswith("Response")}
    assert reported == {name: set(fields.split()) for name, fields in TOLD_TO_DRIVERS.items()}


def _guarded(contracts: Contracts) -> Iterator[tuple[FieldDescriptor, str]]:
    for message in contracts.messages:
        for field in message.fields:
            permission = field.GetOptions().Extensions[access_pb2.read_permission]
            if permission:
                yield field, permission


def test_a_field_that_needs_a_permission_can_be_absent_and_somebody_has_it(contracts: Contracts) -> None:
    guarded = list(_guarded(contracts))
    assert len(guarded) > 10
    for field, permission in guarded:
        # A map is empty at least; everything else is not there at all.
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        assert field.has_presence or field.is_repeated or is_map, field.full_name
        readers = {role for role in PERMISSIONS_BY_ROLE if allows(role, permission)}
        assert {"admin", "operator", "viewer"} <= readers, field.full_name
        assert "driver" not in readers, field.full_name
