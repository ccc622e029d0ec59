"""`csms tariff test`: prices the cases of a file, and says which come to something else than expected."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.adapters.tariff_cases import line_text, run_cases
from services.kernel.errors import DomainError
from stack.errors import StackError


def run(path: Path, *, shows_lines: bool = False) -> int:
    """Print the outcome of each case. Returns 1 when one differs. Raises: StackError for a file that cannot be read."""
    try:
        report = run_cases(read(path))
    except DomainError as error:
        raise StackError(f"{path}: {error.message}") from None
    for name, text in report.warnings:
        print(f"note    tariff {name}: {text}")
    failed = 0
    for outcome in report.outcomes:
        failed += bool(outcome.differences)
        net, gross = outcome.price.subtotal.to_decimal(), outcome.price.total.to_decimal()
        print(f"{'DIFFERS' if outcome.differences else 'ok':<7} {outcome.name}: {net} before tax, {gross} with tax")
        for text in outcome.differences:
            print(f"        {text}")
        for line in outcome.price.lines if shows_lines or outcome.differences else ():
            print(f"        {line_text(line)}  ({line.description}, {line.unit_price:f} each)")
    print(f"{len(report.outcomes)} cases, {failed} differ")
    return 1 if failed else 0


def read(path: Path) -> Mapping[str, Any]:
    """The content of a YAML or JSON file; no number becomes a float."""
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text, parse_float=Decimal) if path.suffix == ".json" else _yaml(text)
    except (OSError, ValueError) as error:
        raise StackError(f"{path}: {error}") from None
    if not isinstance(found, dict):
        raise StackError(f"{path}: must hold tariffs and cases")
    return found


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise StackError(f"YAML needs the extra `simulator`; JSON does not: {error}") from error

    class Loader(yaml.SafeLoader):
        """Reads decimals exactly, and leaves times and times of day as text."""

    def number(loader: yaml.SafeLoader, node: Any) -> Any:
        value = str(loader.construct_scalar(node))
        if ":" in value:
            return value
        return int(value) if value.lstrip("+-").isdecimal() else Decimal(value)

    def as_text(loader: yaml.SafeLoader, node: Any) -> str:
        return str(loader.construct_scalar(node))

    for tag in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", number)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", as_text)
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ArithmeticError) as error:
        raise ValueError(str(error)) from None
