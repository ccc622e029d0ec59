"""Sends what the OpenAPI document allows, and what it forbids, to a whole system, and counts the answers (`make fuzz`).

`python -m tests.fuzz.rest --seconds 120` starts a system with demo data on ports of its own and lets schemathesis loose
on every operation but the stream, which does not end. Sent is valid and invalid data alike: boundary values of every
field, missing, wrong and unknown ones, wrong types and verbs. Prints cases, errors of ours (5xx) and tracebacks in
the logs; exit code 0 when there were cases and neither of the others.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stack import postgres
from stack.topology import EDGE, SERVICES
from tests.fixtures.system import System, running_system

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "proto" / "openapi.json"
PROGRAM = ROOT / ".venv" / "fuzz-tools" / "bin" / "schemathesis"
STREAM = "/real-time/events"
# It asks as fast as it can, which is not the question here.
_SETTINGS = {"CSMS_RATE_LIMIT_PER_SECOND": "100000"}
_PATIENCE_SECONDS = 120


def run(seconds: int, seed: int | None, *, demo: bool = True) -> dict[str, Any]:
    """The report of schemathesis, with the tracebacks of the system's logs under `tracebacks`."""
    folder = Path(tempfile.mkdtemp(prefix="csms-fuzz-"))
    try:
        words = () if demo else ("--no-demo",)
        with running_system(folder, *words, settings=_SETTINGS) as system:
            report = _fuzzed(system, folder / "reports", seconds, seed)
            return {**report, "tracebacks": _tracebacks(system)}
    finally:
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def _fuzzed(system: System, reports: Path, seconds: int, seed: int | None) -> dict[str, Any]:
    options = {
        "--url": system.url(""),
        "--header": f"Authorization: Bearer {system.token('admin')}",
        "--checks": "no_error_of_ours",
        "--phases": "coverage,fuzzing",
        "--exclude-path": STREAM,
        "--max-time": str(seconds),
        "--workers": "2",
        "--report": "json",
        "--report-dir": str(reports),
        "--suppress-health-check": "all",
        "--warnings": "off",
        **({} if seed is None else {"--seed": str(seed)}),
    }
    words = [word for option in options.items() for word in option]
    command = [str(PROGRAM), "run", str(DOCUMENT), *words, "--continue-on-failure", "--no-shrink"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(Path(__file__).parent)}
    patience = seconds + _PATIENCE_SECONDS
    subprocess.run(command, check=False, timeout=patience, cwd=reports.parent, env=environment)
    [file] = reports.glob("*.json")
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


def _tracebacks(system: System) -> list[str]:
    names = (*SERVICES, EDGE)
    return [f"{name}: {line[:500]}" for name in names for line in system.log(name).splitlines() if "Traceback" in line]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.rest", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="how long (default 300)")
    parser.add_argument("--seed", type=int, help="the seed of a run that is to be repeated")
    options = parser.parse_args()
    report = run(options.seconds, options.seed)
    cases, failures = report["test_cases"], report["failures"]
    for line in (*map(json.dumps, failures), *report["tracebacks"]):
        print(line, file=sys.stderr)
    print(
        f"fuzz: {json.dumps(cases)}, {len(failures)} kinds of failures, {len(report['tracebacks'])} tracebacks in logs"
    )
    return 0 if cases and not failures and not report["errors"] and not report["tracebacks"] else 1


if __name__ == "__main__":
    sys.exit(main())
