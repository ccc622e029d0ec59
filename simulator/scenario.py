"""The catalogue of runs: each scenario is a script, perhaps with distorted frames or a strange station. Those that are
written in YAML are in `scenario_file`.

All but the first few are misbehaviours seen on real charge points; the names are what the command line and tests use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulator import distortion, scripts
from simulator.charge_point import ChargePoint
from simulator.scripts import Script
from simulator.transport import Distortion

_TWO = ("2.0.1", "2.1")
_ANY = ("1.6", *_TWO)


@dataclass(frozen=True)
class Scenario:
    """One kind of run. `clock_behind` is how far the device clock lags, where that is the point of it; `device_seconds`
    is how long it takes by that clock, where that does not follow from the energy."""

    name: str
    about: str
    script: Script = scripts.one_session
    distort: Callable[[], Distortion] | None = None
    prepare: Callable[[ChargePoint], None] | None = None
    clock_behind: Callable[[], timedelta] | None = None
    protocols: tuple[str, ...] = _ANY
    device_seconds: int | None = None


def _since_1970() -> timedelta:
    return datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)


def _rewriting(name: str, change: Callable[[str, distortion.Json], None], *protocols: str) -> Scenario:
    about = (change.__doc__ or "").rstrip(".")
    return Scenario(name, about, distort=lambda: distortion.rewriting(change), protocols=protocols or _ANY)


def _scripted(name: str, script: Script) -> Scenario:
    return Scenario(name, (script.__doc__ or "").rstrip("."), script)


_SCENARIOS = (
    _scripted("session", scripts.one_session),
    _scripted("obey", scripts.obey),
    _scripted("offline-session", scripts.offline_session),
    _scripted("power-cut", scripts.power_cut),
    _scripted("reversed-replay", scripts.reversed_replay),
    _scripted("late-meter-values", scripts.late_meter_values),
    _scripted("unfinished", scripts.unfinished),
    _scripted("status-before-stop", scripts.status_before_stop),
    _scripted("reconnect-storm", scripts.reconnect_storm),
    _scripted("second-socket", scripts.second_socket),
    _scripted("malformed-frames", scripts.malformed_frames),
    _scripted("two-calls-in-flight", scripts.two_calls_in_flight),
    Scenario(
        "authorize-first",
        (scripts.authorize_first.__doc__ or "").rstrip("."),
        scripts.obey,
        prepare=scripts.authorize_first,
    ),
    Scenario("duplicate-start", "The start is sent twice", distort=lambda: distortion.twice(distortion.is_start)),
    Scenario("duplicate-stop", "The stop is sent twice", distort=lambda: distortion.twice(distortion.is_stop)),
    Scenario("eager-status", (distortion.eager_status.__doc__ or "").rstrip("."), distort=distortion.eager_status),
    Scenario("spaced-json", (distortion.spaced.__doc__ or "").rstrip("."), distort=distortion.spaced),
    _rewriting("wrong-unit", distortion.wrong_unit),
    _rewriting("noisy-kwh", distortion.noisy_kwh),
    _rewriting("no-energy", distortion.no_energy),
    _rewriting("signed-values", distortion.signed_values),
    _rewriting("numbers-as-strings", distortion.numbers_as_strings),
    _rewriting("zoneless-timestamps", distortion.without_zone),
    _rewriting("empty-strings", distortion.empty_strings),
    _rewriting("stop-without-number", distortion.stop_without_number, "1.6"),
    _rewriting("seq-no-zero", distortion.seq_no_zero, *_TWO),
    _rewriting("seq-no-gaps", distortion.seq_no_gaps, *_TWO),
    _rewriting("bare-events", distortion.bare_events, *_TWO),
    Scenario(
        "meter-values-apart",
        (distortion.meter_values_apart.__doc__ or "").rstrip("."),
        distort=distortion.meter_values_apart,
        protocols=_TWO,
    ),
    Scenario("clock-1970", "The clock starts in 1970 and is never set", clock_behind=_since_1970),
    Scenario("repeated-ids", (scripts.repeating_ids.__doc__ or "").rstrip("."), prepare=scripts.repeating_ids),
    Scenario("kept-ids", (scripts.keeping_ids.__doc__ or "").rstrip("."), prepare=scripts.keeping_ids),
    Scenario("ignores-pending", (scripts.ignore_pending.__doc__ or "").rstrip("."), prepare=scripts.ignore_pending),
    Scenario(
        "silent", "Commands are never answered", scripts.obey, lambda: distortion.answering(lambda message_id: None)
    ),
    Scenario(
        "odd-errors",
        "Commands are answered by CALLERROR without a description",
        scripts.obey,
        lambda: distortion.answering(lambda message_id: [4, message_id, "GenericError", "", {}]),
    ),
    Scenario(
        "invalid-answers",
        "Commands are answered by results that break the schema",
        scripts.obey,
        lambda: distortion.answering(lambda message_id: [3, message_id, {"status": "Perhaps", "extra": 1}]),
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _SCENARIOS}


def changes_frames_only(scenario: Scenario) -> bool:
    """Whether a station that behaves as usual could have it as a habit."""
    return scenario.script is scripts.one_session and scenario.clock_behind is None
