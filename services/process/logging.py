"""One line of log per fact, as JSON or as text, with the context of the work that wrote it.

Must not be handed secrets or whole tags: what comes in goes out.
"""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from services.process.service_name import service_name

# The metadata (and REST header) by which a request id travels.
REQUEST_ID_KEY = "x-request-id"

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context")
_NO_CONTEXT: Mapping[str, str] = {}

# What every record has; anything else on it came through `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(service: str, level: str = "INFO", fmt: Literal["json", "text"] = "json") -> None:
    """Send every log record of the process to standard output, replacing what was configured before.

    A record tells the service whose work has written it; `service` where it is nobody's.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service) if fmt == "json" else TextFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


def bind(**context: str) -> None:
    """Add to the context of the current task, and of the tasks it starts from now on."""
    _context.set({**_context.get(_NO_CONTEXT), **context})


def current_context() -> Mapping[str, str]:
    """What was bound so far, for example `request_id`."""
    return _context.get(_NO_CONTEXT)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, service, logger, message, then context, extras and the traceback."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "service": service_name() or self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_particulars(record),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        # Bytes come with their escapes; anything else orjson cannot write is written as Python shows it.
        return orjson.dumps(entry, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


class TextFormatter(logging.Formatter):
    """A record as one readable line, the traceback below it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        particulars = "".join(f" {key}={value}" for key, value in _particulars(record).items())
        service = service_name() or self._service
        line = f"{time} {record.levelname:<7} {service} {record.name}: {record.getMessage()}{particulars}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _particulars(record: logging.LogRecord) -> dict[str, Any]:
    extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    return {**current_context(), **extras}
