"""Local clocks go by the pinned rules, for everybody, and these are not old."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.kernel.zones import zone_data_version, zone_names, zone_of

pytestmark = pytest.mark.field_case("C11")

ROOT = Path(__file__).parents[3]
OURS = ("services", "ocpp_edge", "stack", "simulator", "chaos", "bench", "conformance", "deploy")
# What PostgreSQL is asked for that depends on a local clock (as seconds since the epoch do not); it has rules of its
# own, as old as its image.
LOCAL_TIME_IN_SQL = re.compile(r"AT TIME ZONE|date_trunc|date_part|to_char|::date\b|localtime", re.IGNORECASE)


def _sources() -> list[Path]:
    found = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    assert len(found) > 300
    return found


def test_the_rules_are_not_older_than_the_year_before() -> None:
    version = zone_data_version()
    assert re.fullmatch(r"20[0-9]{2}[a-z]", version)
    # Rules come out several times a year. When this fails: `tzdata` in pyproject.toml, and `make lock`.
    assert date.today() < date(int(version[:4]) + 1, 7, 1), f"time zone data {version} is old"


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        # Since 2026 these keep one time all year round.
        ("America/Vancouver", -7),
        ("America/Edmonton", -6),
        ("Africa/Casablanca", 0),
        ("Europe/Berlin", 1),
        ("UTC", 0),
    ],
)
def test_clocks_go_by_the_newest_rules_whatever_the_system_has(name: str, hours: int) -> None:
    assert datetime(2026, 12, 1, 12, tzinfo=UTC).astimezone(zone_of(name)).utcoffset() == timedelta(hours=hours)


def test_the_zone_data_of_the_system_is_not_looked_at(tmp_path: Path) -> None:
    """In a process of its own, which is told to look for zones where there is nothing but a wrong one."""
    (tmp_path / "Europe").mkdir()
    wrong = zone_file("Asia/Tokyo")
    (tmp_path / "Europe" / "Berlin").write_bytes(wrong)
    script = (
        "from datetime import UTC, datetime; from services.kernel.zones import zone_of;"
        "print(datetime(2026, 12, 1, tzinfo=UTC).astimezone(zone_of('Europe/Berlin')).isoformat())"
    )
    environment = {"PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2026-12-01T01:00:00+01:00"


def zone_file(name: str) -> bytes:
    """The compiled rules of a zone."""
    from importlib.resources import files

    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../zones", "Europe", "europe/berlin", "/etc/localtime", "Mars/Base", "x" * 500]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)


def test_every_zone_can_be_read_and_is_one_object() -> None:
    assert len(zone_names()) > 400
    for name in zone_names():
        assert zone_of(name) is zone_of(name)
        assert zone_of(name).key == name


def test_nobody_asks_for_zones_elsewhere() -> None:
    asking = [path for path in _sources() if re.search(r"\bzoneinfo\b", path.read_text(encoding="utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in asking] == ["services/kernel/zones.py"]


def test_postgresql_is_asked_for_no_local_time() -> None:
    lines = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in _sources()
        for line in path.read_text(encoding="utf-8").splitlines()
        if LOCAL_TIME_IN_SQL.search(line) and "UTC" not in line and "epoch" not in line
    ]
    assert lines == []
