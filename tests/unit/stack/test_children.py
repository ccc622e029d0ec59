import json
from pathlib import Path

from stack.children import last_words


def test_the_last_words_of_a_log_are_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n\n")
    assert last_words(log) == "two"


def test_a_line_that_speaks_of_an_error_tells_more_than_what_follows_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("starting\nFATAL:  the port is taken\nshutting down\n")
    assert last_words(log) == "FATAL:  the port is taken"


def test_what_an_earlier_run_logged_is_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ERROR of yesterday\n")
    yesterday = log.stat().st_size
    assert last_words(log, since=yesterday) == ""
    with log.open("a") as handle:
        handle.write("today\n")
    assert last_words(log, since=yesterday) == "today"


def test_a_huge_or_missing_log_is_no_trouble(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff" * 1_000_000 + b"\n" + b"x" * 10_000)
    assert 0 < len(last_words(log)) < 1000
    assert last_words(tmp_path / "none") == ""


def test_the_last_words_of_our_own_processes_are_told_without_their_json(tmp_path: Path) -> None:
    log = tmp_path / "station.log"
    traceback = "Traceback (most recent call last):\n  File ...\nValueError: no such thing"
    entry = {"level": "CRITICAL", "message": "the background task failed", "error": traceback}
    log.write_text(json.dumps(entry) + "\n")
    assert last_words(log) == "the background task failed: ValueError: no such thing"
