import json
import re
from pathlib import Path
from typing import Any

import pytest

from stack import metrics_page, openapi, permissions
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


def test_every_path_variable_is_a_parameter_of_its_operations(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert declared == set(re.findall(r"\{([^}]+)\}", path)), path
