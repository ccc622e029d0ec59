"""What of a resource callers may write is said at its fields: OUTPUT_ONLY, IMMUTABLE, or neither on purpose."""

from collections.abc import Collection

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor

from services.billing.mapping.parties import _CUSTOMER_FIELDS, _SELLER_FIELDS
from services.billing.mapping.tariffs import _TARIFF_FIELDS
from services.driver.mapping.drivers import _CARD_FIELDS, _DRIVER_FIELDS
from services.driver.mapping.identity import _TENANT_FIELDS
from services.station.mapping.charge_points import _CHARGE_POINT_CHANGES
from services.station.mapping.configuration_templates import TEMPLATE_FIELDS
from services.station.mapping.connectors import _CONNECTOR_FIELDS
from services.station.mapping.stations import _STATION_FIELDS
from stack.descriptors import Contracts, access_rule, behaviors

# What an update changes, by the services that carry it out. Others that requests carry are made and never changed.
UPDATABLE: dict[str, Collection[str]] = {
    "csms.station.v1.Station": _STATION_FIELDS,
    "csms.station.v1.ChargePoint": _CHARGE_POINT_CHANGES,
    "csms.station.v1.Connector": _CONNECTOR_FIELDS,
    "csms.station.v1.ConfigurationTemplate": TEMPLATE_FIELDS,
    "csms.driver.v1.Driver": _DRIVER_FIELDS,
    "csms.driver.v1.RfidCard": _CARD_FIELDS,
    "csms.identity.v1.Tenant": _TENANT_FIELDS,
    "csms.billing.v1.InvoiceSeller": _SELLER_FIELDS,
    "csms.billing.v1.InvoiceCustomer": _CUSTOMER_FIELDS,
    "csms.billing.v1.Tariff": _TARIFF_FIELDS,
}
# Facts, which the edge tells as they are shown.
FACTS = {"csms.station.v1.DeviceEvent", "csms.transaction.v1.MeterValue", "csms.transaction.v1.OcppMessage"}


@pytest.fixture(scope="module")
def resources(contracts: Contracts) -> list[Descriptor]:
    """Whatever callers of the API are shown as `data`, but for facts."""
    found: dict[str, Descriptor] = {}
    for method in contracts.methods:
        rule = access_rule(method)
        if rule is not None and not rule.permission.startswith("internal."):
            for field in method.output_type.fields:
                if field.json_name == "data" and field.message_type is not None:
                    found[field.message_type.full_name] = field.message_type
    return [found[name] for name in sorted(found.keys() - FACTS) if name.startswith("csms.") and ".event." not in name]


@pytest.fixture(scope="module")
def taken(contracts: Contracts) -> set[str]:
    """The messages that requests carry."""
    names: set[str] = set()

    def add(message: Descriptor) -> None:
        if message.full_name not in names:
            names.add(message.full_name)
            for field in message.fields:
                if field.message_type is not None:
                    add(field.message_type)

    for method in contracts.methods:
        add(method.input_type)
    return names


def _marked(message: Descriptor, behavior: int) -> set[str]:
    return {field.name for field in message.fields if behavior in behaviors(field)}


def test_what_callers_may_change_is_what_an_update_changes(resources: list[Descriptor], taken: set[str]) -> None:
    written = [resource for resource in resources if resource.full_name in taken]
    assert len(written) >= 10
    for resource in written:
        output = _marked(resource, field_behavior_pb2.OUTPUT_ONLY)
        immutable = _marked(resource, field_behavior_pb2.IMMUTABLE)
        assert not output & immutable, resource.full_name
        free = {field.name for field in resource.fields} - output - immutable
        changed = set(UPDATABLE.get(resource.full_name, ())) - immutable
        # The version that a change goes by is read and sent back.
        assert free - {"etag"} == changed, f"{resource.full_name}: mark OUTPUT_ONLY or IMMUTABLE, or let it be updated"


def test_what_no_request_carries_is_output_as_a_whole(resources: list[Descriptor], taken: set[str]) -> None:
    marked = 0
    for resource in resources:
        if resource.full_name not in taken:
            output = _marked(resource, field_behavior_pb2.OUTPUT_ONLY)
            marked += 1
            left = {field.name for field in resource.fields} - output
            assert not left, f"{resource.full_name}: mark {', '.join(sorted(left))} OUTPUT_ONLY, too"
    assert marked >= 15
