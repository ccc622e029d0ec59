from pathlib import Path

import pytest

from stack import permissions
from stack.protos import GenerationError
from tests.fixtures.contracts import compile_sample

SERVICE = """
service ThingService {
  rpc GetThing(GetThingRequest) returns (GetThingResponse) {
    option (google.api.http) = {get: "/things/{id}"};
    option (csms.auth.v1.access) = {%s};
  }
}
message GetThingRequest { string id = 1; }
message GetThingResponse { string owner_id = 1; }
"""


def _cells(folder: Path, rule: str) -> dict[str, str]:
    lines = permissions.matrix(compile_sample(folder, SERVICE % rule)).splitlines()
    head, row = ([cell.strip() for cell in line.strip("|").split("|")] for line in (lines[-3], lines[-1]))
    return dict(zip(head, row, strict=True))


def test_a_row_tells_the_path_the_permission_every_role_and_the_services(tmp_path: Path) -> None:
    rule = 'permission: "billing.tariffs.read", internal_callers: ["edge", "driver"]'
    assert _cells(tmp_path, rule) == {
        "RPC": "GetThing",
        "REST": "`GET /things/{id}`",
        "permission": "`billing.tariffs.read`",
        "admin": "yes",
        "operator": "yes",
        "viewer": "yes",
        "driver": "yes",
        "services": "edge, driver",
    }


def test_a_driver_who_is_narrowed_has_only_what_is_the_drivers_own(tmp_path: Path) -> None:
    cells = _cells(tmp_path, 'permission: "billing.invoices.read", driver_response_field: "owner_id"')
    assert (cells["driver"], cells["viewer"]) == ("own", "yes")


def test_what_is_for_those_who_run_the_installation_says_so(tmp_path: Path) -> None:
    cells = _cells(tmp_path, 'permission: "accounts.tenants.read", default_tenant_only: true')
    assert (cells["admin"], cells["operator"]) == ("default", "")


def test_internal_rpcs_are_for_services_only(tmp_path: Path) -> None:
    cells = _cells(tmp_path, 'permission: "internal.things.read", internal_callers: ["edge"]')
    assert [role for role in ("admin", "operator", "viewer", "driver", "services") if cells[role]] == ["services"]


def test_public_rpcs_are_for_everybody(tmp_path: Path) -> None:
    cells = _cells(tmp_path, "public: true")
    assert (cells["permission"], cells["driver"], cells["viewer"]) == ("*public*", "yes", "yes")


def test_an_rpc_without_a_rule_is_refused_by_name(tmp_path: Path) -> None:
    bare = (SERVICE % "public: true").replace("option (csms.auth.v1.access) = {public: true};", "")
    with pytest.raises(GenerationError, match=r"csms\.sample\.v1\.ThingService\.GetThing says nothing"):
        permissions.matrix(compile_sample(tmp_path, bare))
