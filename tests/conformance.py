"""Runs the public test cases for a CSMS against a system of its own, and writes docs/conformance.json and .md.

`python -m tests.conformance`; exit code 1 when a case failed.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance import page, report
from stack import postgres
from tests.fixtures.system import System, running_system
from tests.fixtures.tls_edge import make_authority, tls_edge

_MINUTES = 10.0


def run(system: System, folder: Path) -> int:
    """Try `system` and write the results down. Returns the exit code of `csms conformance`."""
    written = folder / "report.json"
    with tls_words(system, folder) as words:
        done = system.csms("conformance", "--report", str(written), *words, timeout=60 * _MINUTES)
    print(done.stdout, done.stderr, sep="")
    kept = page.results(report.from_json(written.read_text(encoding="utf-8")))
    page.RESULTS.write_text(kept, encoding="utf-8")
    page.RESULTS.with_suffix(".md").write_text(page.page(kept), encoding="utf-8")
    return done.returncode


@contextmanager
def tls_words(system: System, folder: Path) -> Iterator[list[str]]:
    """The options by which the cases of TLS are tried, at an edge of their own."""
    authority = make_authority(folder)
    with tls_edge(system, folder, authority) as url:
        file, key_file = str(authority.file), str(authority.key_file)
        yield [
            "--tls-url",
            url,
            "--tls-authority",
            file,
            "--client-authority",
            file,
            "--client-authority-key",
            key_file,
        ]


def main() -> int:
    """Start, try, stop."""
    with tempfile.TemporaryDirectory(prefix="csms-conformance-") as name:
        folder = Path(name)
        try:
            with running_system(folder, "--no-demo") as system:
                return run(system, folder)
        finally:
            postgres.remove(folder / "postgres")


if __name__ == "__main__":
    sys.exit(main())
