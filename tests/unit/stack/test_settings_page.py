"""stack.settings_page"""

from pathlib import Path

import pytest

from stack import settings_page
from stack.protos import GenerationError
from stack.settings_page import Setting


def _declared(tmp_path: Path, *lines: str) -> list[Setting]:
    file = tmp_path / "settings.py"
    file.write_text("\n".join(["class EdgeSettings(Base):", *(f"    {line}" for line in lines)]))
    return settings_page.declared(file)


def test_a_comment_explains_the_settings_that_follow_it(tmp_path: Path) -> None:
    lines = ["# Both.", "a: int = 20_000", "b: bool = True", "", "# One,", "# alone.", "c: Path"]
    assert _declared(tmp_path, *lines) == [
        Setting("A", "20000", "Both."),
        Setting("B", "true", "Both."),
        Setting("C", None, "One, alone."),
    ]


def test_a_setting_that_nobody_explains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="what b means"):
        _declared(tmp_path, "# One.", "a: int = 1", "", "b: int = 2")


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("None", ""),
        ("()", ""),
        ('SecretStr("")', ""),
        ("Policy.REFUSE", "refuse"),
        ("Decimal(5)", "5"),
        ('_CHECKOUT / "proto" / "a.json"', "proto/a.json"),
        ('"127.0.0.1"', "127.0.0.1"),
    ],
)
def test_a_default_is_told_as_it_is_written_in_the_environment(tmp_path: Path, written: str, reported: str) -> None:
    assert _declared(tmp_path, "# It.", f"a: Any = {written}") == [Setting("A", reported, "It.")]


def test_a_default_that_cannot_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="secrets"):
        _declared(tmp_path, "# It.", "a: str = secrets.token_hex()")
