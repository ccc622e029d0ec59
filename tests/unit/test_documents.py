"""Pages for people: what they link to and which commands they name is there."""

import re
from pathlib import Path

import pytest

from stack.demo import FLEET

ROOT = Path(__file__).parents[2]
_NOT_OURS = (".venv", ".csms", ".pytest_cache", "node_modules")
PAGES = sorted(page for page in ROOT.rglob("*.md") if not page.relative_to(ROOT).parts[0].startswith(_NOT_OURS))
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"`(?:\.venv/bin/)?csms ([a-z-]+)")
# Whoever is named behind it in a line or a list is simulated as well.
_SIMULATED = re.compile(r"csms simulate (\w+)|`(CP\d+) [\d.]+`")
_TARGET = re.compile(r"`make ([a-z-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_what_exists_and_names_commands_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in _LINK.findall(text) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (page.parent / link).exists()] == []
    known = set(re.findall(r'add_parser\(\s*"([a-z-]+)"', (ROOT / "stack" / "cli.py").read_text(encoding="utf-8")))
    assert [name for name in _COMMAND.findall(text) if name not in known] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name in _TARGET.findall(text) if name not in targets] == []


def test_nobody_is_told_to_simulate_a_charge_point_that_is_simulated_already() -> None:
    """Two devices of one name throw each other out for as long as both are there."""
    named = {name for page in PAGES for pair in _SIMULATED.findall(page.read_text(encoding="utf-8")) for name in pair}
    assert {"CP001", "CP002"} <= named
    assert named & set(FLEET) == set()


def test_the_steps_of_a_charging_session_name_functions_that_exist() -> None:
    text = (ROOT / "docs" / "a-charging-session.md").read_text(encoding="utf-8")
    steps = re.findall(r"`([a-z_0-9/]+\.py):(\w+)`", text)
    assert len(steps) > 20
    missing = [
        f"{file}:{name}"
        for file, name in steps
        if not re.search(rf"def {name}\(", (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_there_are_pages_with_links_to_look_at() -> None:
    assert sum(len(_LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


def test_no_two_decisions_have_one_number_and_each_is_headed_by_its_own() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    numbers = [int(decision.name[:4]) for decision in decisions]
    assert len(set(numbers)) == len(numbers)
    heads = [decision.read_text(encoding="utf-8").split(".")[0] for decision in decisions]
    assert heads == [f"# {number}" for number in numbers]
