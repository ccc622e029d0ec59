"""A log of charging sessions by OCPP 1.6, for the findings named ocpp-lens-*."""

import json

from ocpp_lens import OCPPAnalyzer, OCPPLogParser


def log(*sessions):
    """Frames of sessions of 8 kWh on a meter at 5,000 kWh: the ids of start and stop, and the hour."""
    frames = []
    for number, (first, second, hour) in enumerate(sessions, start=1):
        stamp = f"2026-11-30T{hour:02}"
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 5_000_000, "timestamp": f"{stamp}:00:00Z"}
        stop = {"transactionId": number, "meterStop": 5_008_000, "timestamp": f"{stamp}:45:00Z"}
        answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        frames += [[2, first, "StartTransaction", start], [3, first, answer]]
        frames += [[2, second, "StopTransaction", stop], [3, second, {}]]
    return frames


def analyse(frames):
    """What ocpp-lens makes of a log."""
    text = "\n".join(json.dumps(frame) for frame in frames)
    return OCPPAnalyzer().analyze(OCPPLogParser().parse_string(text))
