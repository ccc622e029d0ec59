"""Whether a charge point shows what a transaction costs, and in which currency (OCPP 2.0.1 part 2, use cases I02, I03:
component TariffCostCtrlr, variables Enabled[Cost] and Currency). Pure."""

import re

from services.kernel.money import NO_CURRENCY
from services.station.domain.device_variable import AttributeType, DeviceVariable, Place, variable_id

_COMPONENT = "TariffCostCtrlr"
_ENABLED = Place(_COMPONENT, "", 0, 0, "Enabled", "Cost", AttributeType.ACTUAL)
_CURRENCY = Place(_COMPONENT, "", 0, 0, "Currency", "", AttributeType.ACTUAL)
_IS_CODE = re.compile("[A-Z]{3}")


def of_display(charge_point_id: str) -> tuple[str, str]:
    """The ids of the variables that say so: whether, and in what."""
    return variable_id(charge_point_id, _ENABLED), variable_id(charge_point_id, _CURRENCY)


def shown_currency(enabled: DeviceVariable | None, currency: DeviceVariable | None) -> str:
    """In what it shows costs; empty when it shows none."""
    if enabled is None or (enabled.value or "").lower() != "true" or _is_gone(enabled):
        return ""
    code = "" if currency is None or _is_gone(currency) else (currency.value or "").strip().upper()
    # What is shown then is in that of the tariff, which both have to know.
    return code if _IS_CODE.fullmatch(code) else NO_CURRENCY


def _is_gone(variable: DeviceVariable) -> bool:
    return variable.absent_time is not None and variable.absent_time > variable.reported_time
