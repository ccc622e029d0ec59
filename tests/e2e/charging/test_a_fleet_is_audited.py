"""`csms simulate --fleet` on a whole system: it is registered, charges in every version, misbehaves, and is audited."""

from tests.fixtures.system import System

_MISBEHAVIOURS = "spaced-json,clock-ahead,repeated-ids,duplicate-stop"


def test_a_mixed_fleet_charges_and_nothing_is_lost_or_doubled(system: System) -> None:
    words = ("--fleet", "6", "--misbehave", _MISBEHAVIOURS, "--minutes", "0.15", "--session", "3", "--pause", "1")
    done = system.csms("simulate", *words, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].endswith("acknowledged messages, 0 lost, 0 doubled")
    checked = {
        claim: int(rest.split()[0].replace(",", ""))
        for claim, _, rest in (one.partition(": ") for one in lines)
        if rest.endswith("checked, ok")
    }
    assert checked["  a started session exists once"] > 0
    assert checked["  a liar's session is there, with all its facts"] > 0
    assert checked["  the last boot of each charge point is stored"] == 6
