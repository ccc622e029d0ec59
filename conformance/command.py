"""The command line of `csms conformance`: what may be asked for, and the exit code."""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conformance import report
from conformance.cases import VERSIONS, Case, all_cases
from conformance.place import Place, Tls
from conformance.rest import Operator
from conformance.run import run
from conformance.verdicts import Failed, Outcome, Verdict

_THREADS = 16


@dataclass(frozen=True, slots=True)
class Local:
    """The stack on this machine, which is tried unless another is named."""

    url: str
    ocpp_url: str
    token: Callable[[], str]


def main(words: Sequence[str], local: Local) -> int:
    """Run the cases that were asked for and write the report. Returns 0 when none failed, 1 otherwise."""
    parser = _parser(local)
    options = parser.parse_args(words)
    cases = [case for case in all_cases() if case.version in options.versions and _is_chosen(case, options.only)]
    if not cases:
        parser.error("no case has such an id; --list lists them")
    if options.list:
        print("\n".join(f"{case.id}  {case.version}  {case.requirement}" for case in cases))
        return 0
    if options.report is not None:
        try:
            # Before a long run, not after it.
            options.report.touch()
        except OSError as error:
            parser.error(f"--report: {error}")
    began = time.monotonic()
    try:
        outcomes = _run(options, cases, local)
    except Failed as failure:
        print(f"csms conformance: {failure}", file=sys.stderr)
        return 1
    if options.report is not None:
        is_json = options.report.suffix == ".json"
        options.report.write_text(report.as_json(outcomes) if is_json else report.markdown(outcomes), encoding="utf-8")
    print(f"\n{report.counts(outcomes)}\n{_summary(outcomes, time.monotonic() - began)}")
    return 1 if any(outcome.verdict is Verdict.FAIL for outcome in outcomes) else 0


def _run(options: argparse.Namespace, cases: Sequence[Case], local: Local) -> list[Outcome]:
    tls = Tls(options.tls_url, options.tls_authority, options.client_authority, options.client_authority_key)
    with ThreadPoolExecutor(_THREADS) as threads:
        operator = Operator(options.url, options.token or local.token(), threads)
        place = Place(options.ocpp_url, operator, tls)
        return asyncio.run(run(cases, place, options.at_once, _tell))


def _tell(outcome: Outcome) -> None:
    if outcome.verdict is not Verdict.TO_COME:
        print(f"{outcome.verdict:<14} {outcome.id:<16} {outcome.seconds:6.2f} s  {outcome.reason}", flush=True)


def _summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    found = Counter(outcome.verdict for outcome in outcomes)
    return f"{', '.join(f'{found[verdict]} {verdict}' for verdict in Verdict)}; {seconds:.0f} s"


def _is_chosen(case: Case, patterns: Sequence[str]) -> bool:
    names = (case.id, case.id.removesuffix("_CSMS"))
    return not patterns or any(fnmatchcase(name, pattern.upper()) for name in names for pattern in patterns)


def _parser(local: Local) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csms conformance",
        description="Try a running CSMS by the public test cases for OCPP 1.6, 2.0.1 and 2.1.",
    )
    add = parser.add_argument
    add("--report", type=Path, metavar="FILE", help="where the report goes: Markdown, or JSON by its ending")
    add("--only", type=_words, default=[], metavar="IDS", help="some cases: ids with commas between, * for any rest")
    add("--versions", type=_versions, default=VERSIONS, metavar="V,...", help=f"of {', '.join(VERSIONS)} (all)")
    add("--list", action="store_true", help="list the cases and run none")
    add("--at-once", type=_count, default=8, metavar="N", help="cases that run side by side (%(default)s)")
    add("--url", default=local.url, help="the REST interface (%(default)s)")
    add("--ocpp-url", default=local.ocpp_url, help="where charge points connect (%(default)s)")
    add("--token", default=os.environ.get("CSMS_TOKEN", ""), help="of an operator (default: one of the local stack)")
    add(
        "--tls-url",
        default="",
        metavar="URL",
        help="where charge points connect by TLS: wss://..., for the cases of TLS",
    )
    add("--tls-authority", type=Path, metavar="FILE", help="who has signed the certificate of the CSMS (PEM)")
    add("--client-authority", type=Path, metavar="FILE", help="whose certificates of charge points it accepts (PEM)")
    add("--client-authority-key", type=Path, metavar="FILE", help="the key of that authority (PEM)")
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _versions(text: str) -> list[str]:
    chosen = _words(text)
    if not chosen or (unknown := [word for word in chosen if word not in VERSIONS]):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} is none of {', '.join(VERSIONS)}")
    return chosen


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100")
    return int(text)
