"""Who may call what inside the platform is what the services really call: no more, no less."""

from pathlib import Path

import pytest

from stack.descriptors import Contracts, access_rule
from stack.topology import EDGE, SERVICES
from tests.fixtures.client_calls import rpcs_called
from tests.fixtures.processes import process_of

pytestmark = pytest.mark.field_case("E1")

CHECKOUT = Path(__file__).resolve().parents[3]
# What every process calls, whatever it is, unless it is the one that answers.
SHARED = CHECKOUT / "services" / "rpc"
PACKAGES = {**{name: CHECKOUT / "services" / name for name in SERVICES}, EDGE: CHECKOUT / "ocpp_edge"}


def _declared(contracts: Contracts, name: str) -> set[str]:
    return {
        method.full_name
        for method in contracts.methods
        if (rule := access_rule(method)) is not None and name in rule.internal_callers
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_a_service_may_call_what_its_code_calls_and_nothing_else(contracts: Contracts, name: str) -> None:
    methods = {service.full_name: {method.name for method in service.methods} for service in contracts.services}
    public = {method.full_name for method in contracts.methods if (rule := access_rule(method)) and rule.public}

    shared = {rpc for rpc in rpcs_called(SHARED, methods) if process_of(rpc) != name}
    assert (rpcs_called(PACKAGES[name], methods) | shared) - public == _declared(contracts, name)


def test_every_service_that_the_contracts_name_exists(contracts: Contracts) -> None:
    named = {name for method in contracts.methods if (rule := access_rule(method)) for name in rule.internal_callers}
    assert named <= PACKAGES.keys()
    assert len(named) > 3


def test_what_is_internal_is_for_somebody_and_what_is_public_names_nobody(contracts: Contracts) -> None:
    for method in contracts.methods:
        rule = access_rule(method)
        assert rule is not None
        if rule.permission.startswith("internal."):
            assert rule.internal_callers, method.full_name
        assert not (rule.public and rule.internal_callers), method.full_name


def test_no_service_touches_accounts_or_gets_tokens_for_people(contracts: Contracts) -> None:
    identity = {method.full_name for method in contracts.methods if ".IdentityService." in method.full_name}
    assert len(identity) >= 5
    for name in PACKAGES:
        assert not identity & _declared(contracts, name)


def test_a_call_of_an_unknown_thing_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "clients.py").write_text("def ask(channel):\n    return somewhere(channel).ListStations(1)\n")
    with pytest.raises(AssertionError, match="whose RPC is"):
        rpcs_called(tmp_path, {"csms.station.v1.StationService": {"ListStations"}})
