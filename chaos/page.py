"""Puts the reports of runs into a page of the documentation, between its marks: `python -m chaos.page PAGE DIR ...`.

What stands before and behind the marks is written by people and stays.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from chaos import report

BEGIN, END = "<!-- reports: begin -->", "<!-- reports: end -->"


def filled(page: str, reports: Sequence[str]) -> str:
    """The page with these reports in the place of its old ones. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return "\n".join((before + BEGIN, "", *(text.strip() + "\n" for text in reports), END + after))


def main(words: Sequence[str]) -> int:
    """Fill a page. Returns the exit code."""
    if len(words) < 2:
        print("usage: python -m chaos.page PAGE DIR ...", file=sys.stderr)
        return 2
    page, *folders = map(Path, words)
    try:
        reports = [report.short(report.read(folder)) for folder in folders]
        page.write_text(filled(page.read_text(encoding="utf-8"), reports), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"{page} cannot be filled: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
