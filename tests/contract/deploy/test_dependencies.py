import re
import tomllib
from itertools import chain
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def _declared() -> set[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    expected = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    return {re.split(r"[^A-Za-z0-9-]", each, maxsplit=1)[0] for each in expected}


def test_every_dependency_has_one_line_that_says_why() -> None:
    page = (CHECKOUT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    reported = re.findall(r"^\| ([a-z][a-z0-9-]+) \| \S", page, re.MULTILINE)
    assert sorted(name for name in reported if name != "package") == sorted(_declared())


def test_every_dependency_is_locked_by_hash_and_no_index_is_named() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([a-z0-9_.-]+)==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert {name.lower() for name in _declared()} <= set(pinned)
    assert "://" not in lock
    assert "--index" not in lock
