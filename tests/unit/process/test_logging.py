"""services.process.logging"""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from services.process.logging import bind, configure, current_context

_log = logging.getLogger("test.logging")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


async def test_a_json_line_carries_the_context_and_the_particulars(capsys: pytest.CaptureFixture[str]) -> None:
    configure("station", "INFO", "json")
    bind(request_id="r1", charge_point_id="CP1")

    _log.warning("stored %d of %d", 1, 2, extra={"rpc": "/a/B"})

    line = json.loads(capsys.readouterr().out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "service": "station",
        "logger": "test.logging",
        "message": "stored 1 of 2",
        "request_id": "r1",
        "charge_point_id": "CP1",
        "rpc": "/a/B",
    }


def test_an_error_with_its_traceback_is_still_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("station", "INFO", "json")
    try:
        raise KeyError("lost")
    except KeyError:
        _log.exception("two\nlines", extra={"odd": object})

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    line = json.loads(out)
    assert line["message"] == "two\nlines"
    assert "KeyError: 'lost'" in line["error"]
    assert line["odd"] == "<class 'object'>"


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure("station", "DEBUG", "text")

    _log.debug("ready", extra={"port": 13001})

    out = capsys.readouterr().out
    assert "DEBUG   station test.logging: ready port=13001" in out


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("station", "WARNING", "json")

    _log.info("nobody asked")

    assert capsys.readouterr().out == ""


async def test_the_context_of_one_task_is_not_that_of_another() -> None:
    async def work(name: str) -> str:
        bind(request_id=name)
        await asyncio.sleep(0)
        return current_context()["request_id"]

    assert list(await asyncio.gather(work("a"), work("b"))) == ["a", "b"]
    assert "request_id" not in current_context()
