"""Energy told otherwise than by the register of the meter's life in watt-hours; and not told at all."""

import copy

from simulator.lies.message import BEGIN, END, Message, set_wh

_EDGES = (BEGIN, END)


def of_session(message: Message) -> bool:
    """Readings count from the start of the session; start and stop tell the register of the meter's life."""
    return _shift_readings(message)


def mixed(message: Message) -> bool:
    """Readings count now from the start of the session, now from the beginning of the meter."""
    return message.rng.random() < 0.5 and _shift_readings(message)


def start_and_stop_of_session(message: Message) -> bool:
    """Start and stop count from the start of the session; readings tell the register of the meter's life."""
    return _shift_edges(message, stop=True)


def from_zero(message: Message) -> bool:
    """The start tells 0, the stop the register of the meter's life."""
    return _shift_edges(message, stop=False)


def no_stop(message: Message) -> bool:
    """The end tells no register."""
    if not message.is_stop:
        return False
    if message.action == "StopTransaction":
        message.unsaid.append("meterStop")
        if message.rng.random() < 0.5:
            message.payload.pop("meterStop", None)
        else:
            message.payload["meterStop"] = message.rng.choice(("", "n/a", None, [], {}))
        return True
    message.unsaid.append("meterValue")
    return message.payload.pop("meterValue", None) is not None


def begin_beside(message: Message) -> bool:
    """Beside each reading its sample list tells the register at the start once more, before it or behind it."""
    if message.transaction is None:
        return False
    is_changed = False
    for entry in message.payload.get("meterValue", ()):
        samples = entry["sampledValue"]
        periodic = [sample for sample in samples if sample.get("context") not in _EDGES]
        for _, sample in [one for one in message.energies() if any(one[1] is each for each in periodic)]:
            begun = copy.deepcopy(sample) | {"context": BEGIN}
            set_wh(begun, message.transaction.meter_start_wh)
            samples.insert(0 if message.rng.random() < 0.5 else len(samples), begun)
            is_changed = True
    return is_changed


def wrong_unit(message: Message) -> bool:
    """Readings in Wh are called kWh; start and stop tell Wh."""
    is_changed = False
    for _, sample in message.energies():
        if sample.get("context") in _EDGES:
            continue
        if "unitOfMeasure" in sample:
            sample["unitOfMeasure"] = {"unit": "kWh"}
        else:
            sample["unit"] = "kWh"
        is_changed = True
    return is_changed


def no_registers(message: Message) -> bool:
    """No message tells any energy."""
    is_changed = False
    for name in ("meterStart", "meterStop"):
        if name in message.payload:
            del message.payload[name]
            message.unsaid.append(name)
            is_changed = True
    for place, sample in list(message.energies()):
        message.unsaid.append(place)
        for entry in message.payload["meterValue"]:
            entry["sampledValue"] = [one for one in entry["sampledValue"] if one is not sample]
        is_changed = True
    entries = [entry for entry in message.payload.get("meterValue", ()) if entry["sampledValue"]]
    if "meterValue" in message.payload:
        message.payload["meterValue"] = entries
    if message.action == "TransactionEvent" and not entries:
        message.payload.pop("meterValue", None)
    return is_changed


def _shift_readings(message: Message) -> bool:
    if message.transaction is None:
        return False
    is_changed = False
    for _, sample in message.energies():
        if sample.get("context") not in _EDGES:
            set_wh(sample, int(sample["value"]) - message.transaction.meter_start_wh)
            is_changed = True
    return is_changed


def _shift_edges(message: Message, *, stop: bool) -> bool:
    """Have the start tell 0, and the stop what was taken since."""
    if message.transaction is None:
        return False
    start_wh, payload = message.transaction.meter_start_wh, message.payload
    contexts = _EDGES if stop else (BEGIN,)
    is_changed = False
    for _, sample in message.energies():
        if sample.get("context") in contexts:
            set_wh(sample, int(sample["value"]) - start_wh)
            is_changed = True
    for name in ("meterStart", "meterStop") if stop else ("meterStart",):
        if name in payload:
            payload[name] -= start_wh
            is_changed = True
    return is_changed
