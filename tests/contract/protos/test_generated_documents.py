import json
import re
from pathlib import Path
from typing import Any

import pytest

from ocpp_edge.settings import EdgeSettings
from services.driver.settings import DriverSettings
from services.transaction.settings import TransactionSettings
from stack import coverage_page, events_page, metrics_page, openapi, permissions, quirks_page, settings_page
from stack.descriptors import Contracts, bindings

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document(contracts: Contracts) -> dict[str, Any]:
    """The OpenAPI document of the platform."""
    return openapi.document(contracts, "1.2.3")


def test_the_permission_page_is_the_one_the_contracts_make(contracts: Contracts) -> None:
    page = (CHECKOUT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert page == permissions.matrix(contracts), "run `make docs`"


def test_the_page_of_metrics_has_every_metric_of_the_code() -> None:
    page = (CHECKOUT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == metrics_page.page(metrics_page.declared()), "run `make docs`"


def test_the_page_of_events_tells_who_publishes_and_who_listens(contracts: Contracts) -> None:
    page = (CHECKOUT / "docs" / "events.md").read_text(encoding="utf-8")
    assert page == events_page.page(contracts, events_page.subscribers()), "run `make docs`"
    [billed] = re.findall(r"^\| `session_billed` .*$", page, re.MULTILINE)
    assert billed.endswith("| driver-usage, monitoring-sessions |")


def test_the_page_of_quirks_is_the_one_the_registry_makes() -> None:
    page = (CHECKOUT / "docs" / "quirks.md").read_text(encoding="utf-8")
    assert page == quirks_page.page(), "run `make docs`"


def test_the_page_of_coverage_is_the_one_that_code_and_tests_make() -> None:
    page = (CHECKOUT / "docs" / "ocpp-coverage.md").read_text(encoding="utf-8")
    assert page == coverage_page.page(), "run `make docs`"


def test_the_page_of_settings_has_every_setting_of_every_process() -> None:
    page = (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8")
    settings = {who: settings_page.declared(file) for who, file in settings_page.files().items()}
    assert page == settings_page.page(settings), "run `make docs`"
    read = {name.upper() for kind in (EdgeSettings, DriverSettings, TransactionSettings) for name in kind.model_fields}
    assert read <= {one.variable for theirs in settings.values() for one in theirs}


def test_the_openapi_document_has_every_rest_binding_once(contracts: Contracts, document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == sum(len(bindings(method)) for method in contracts.methods)
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


def test_every_reference_in_the_openapi_document_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert len(references) > 50
    for reference in references:
        target = document
        for part in reference.split("/"):
            target = target[part]
        assert target


@pytest.mark.field_case("C20")
def test_the_openapi_document_tells_how_to_repeat_and_how_much_to_send(document: dict[str, Any]) -> None:
    """What Envoy does of it is tested in tests/contract/envoy; here, that callers are told."""
    about = " ".join(document["info"]["description"].split())
    for reported in (
        "of at most 256 KiB (413 beyond it)",
        "Large imports are sent in pieces",
        "a GET is tried again when a replica is lost or does not answer in 3 s",
        "all else only while no service has seen it",
        "another body it is refused with 409",
        "at most 20 of them",
        "HEAD is answered as GET without a body",
    ):
        assert reported in about


@pytest.mark.field_case("C1")
def test_bodies_in_the_openapi_document_have_no_unknown_fields(document: dict[str, Any]) -> None:
    checked = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                name = schema.get("$ref", "").rpartition("/")[2]
                assert (document["components"]["schemas"][name] if name else schema)["additionalProperties"] is False
                checked += 1
    assert checked > 30


def test_an_update_needs_no_field_and_a_creation_those_that_are_required(document: dict[str, Any]) -> None:
    schemas, paths = document["components"]["schemas"], document["paths"]
    created = paths["/rfid-cards"]["post"]["requestBody"]
    changed = paths["/rfid-cards/{cardId}"]["patch"]["requestBody"]
    assert (created["required"], changed.get("required", False)) == (True, False)
    named = [body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] for body in (created, changed)]
    assert [schemas[name].get("required") for name in named] == [["idTag"], None]
    # A text that is left empty changes nothing.
    needed = schemas[named[0]]["properties"]["idTag"]
    assert (needed.pop("minLength"), needed["maxLength"]) == (1, 255)
    assert schemas[named[0]]["properties"] == schemas[named[1]]["properties"]


def test_every_path_variable_is_a_parameter_of_its_operations(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert declared == set(re.findall(r"\{([^}]+)\}", path)), path
