import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stack import contract_checks, protos

SAMPLE = """syntax = "proto3";

// Things.
package csms.sample.v1;

// A thing.
message Thing {
  // Who it is.
  string id = 1;
  // What it is called.
  string name = 2;
}
"""
FOLDER = "proto/csms/sample/v1"

Change = Callable[[str], None]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a project with one clean proto, without any history."""
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "sample.proto").write_text(SAMPLE, encoding="utf-8")
    shutil.copy(protos.PROTO_ROOT / "buf.yaml", tmp_path / "proto")
    shutil.copytree(protos.PROTO_ROOT / "third_party", tmp_path / "proto" / "third_party")
    return tmp_path


@pytest.fixture
def change(checkout: Path) -> Change:
    """Replaces the proto of the checkout."""

    def write(text: str) -> None:
        (checkout / FOLDER / "sample.proto").write_text(text, encoding="utf-8")

    return write


def _git(checkout: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=checkout, check=True, capture_output=True)


def _commit(checkout: Path, message: str) -> None:
    _git(checkout, "add", "--all")
    _git(checkout, "commit", "--message", message)


def _published(checkout: Path) -> None:
    _git(checkout, "init", "--initial-branch=main")
    _commit(checkout, "first")


def test_a_clean_checkout_without_history_passes_and_says_what_was_not_checked(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    contract_checks.run(checkout / "proto")
    assert "no earlier commit of main" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        (SAMPLE.replace("// Who it is.", ""), 'Field "id" should have a non-empty comment'),
        (SAMPLE.replace("string name", "string displayName"), "should be lower_snake_case"),
        (
            SAMPLE.replace("// A thing.", 'import "google/protobuf/empty.proto";\n\n// A thing.'),
            "empty.proto is unused",
        ),
    ],
)
def test_a_broken_rule_is_found(
    checkout: Path, change: Change, capfd: pytest.CaptureFixture[str], wrong: str, finding: str
) -> None:
    change(wrong)
    subprocess.run([protos.tool("buf"), "format", "--write", "proto"], cwd=checkout, check=True)
    with pytest.raises((contract_checks.CheckFailed, protos.GenerationError)):
        contract_checks.run(checkout / "proto")
    assert finding in "".join(capfd.readouterr())


def test_untidy_format_is_found(checkout: Path, change: Change, capfd: pytest.CaptureFixture[str]) -> None:
    change(SAMPLE.replace("message Thing {", "message   Thing {"))
    with pytest.raises(contract_checks.CheckFailed, match="make format"):
        contract_checks.run(checkout / "proto")
    assert "+message Thing {" in capfd.readouterr().out


def test_a_change_that_breaks_clients_of_main_is_found(
    checkout: Path, change: Change, capfd: pytest.CaptureFixture[str]
) -> None:
    _published(checkout)
    _git(checkout, "switch", "--create", "topic")
    change(SAMPLE.replace("string name = 2", "int32 name = 2"))
    with pytest.raises(contract_checks.CheckFailed, match="would break"):
        contract_checks.run(checkout / "proto")
    assert 'changed type from "string" to "int32"' in capfd.readouterr().out


@pytest.mark.parametrize(("version", "may"), [("1.4.1", False), ("1.5.0.dev0", True)])
def test_names_change_between_minor_versions_and_not_within_one(
    checkout: Path, change: Change, capfd: pytest.CaptureFixture[str], version: str, may: bool
) -> None:
    _published(checkout)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    ).stdout
    (checkout / "RELEASES").write_text(f"1.4.0 {commit.strip()} 2026-11-26\n", encoding="utf-8")
    (checkout / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n', encoding="utf-8")
    change(SAMPLE.replace("string name = 2", "string title = 2"))
    if may:
        contract_checks.run(checkout / "proto")
        return
    with pytest.raises(contract_checks.CheckFailed, match="would break"):
        contract_checks.run(checkout / "proto")
    assert 'changed name from "name" to "title"' in capfd.readouterr().out


def test_an_addition_is_compatible_with_main(checkout: Path, change: Change, capfd: pytest.CaptureFixture[str]) -> None:
    _published(checkout)
    change(SAMPLE.replace("string name = 2;", "string name = 2;\n  // How many there are.\n  int32 count = 3;"))
    contract_checks.run(checkout / "proto")
    assert "compatible with" in capfd.readouterr().out


def test_on_main_itself_the_last_commit_is_checked_against_the_one_before(checkout: Path, change: Change) -> None:
    _published(checkout)
    change(SAMPLE.replace("string name = 2", "bool name = 2"))
    _commit(checkout, "breaks")
    with pytest.raises(contract_checks.CheckFailed, match="would break"):
        contract_checks.run(checkout / "proto")


def test_a_branch_is_not_blamed_for_what_main_gained_since(checkout: Path, change: Change) -> None:
    _published(checkout)
    _git(checkout, "switch", "--create", "topic")
    (checkout / "topic.txt").write_text("mine", encoding="utf-8")
    change(SAMPLE + "\n// Another thing.\nmessage Other {}\n")
    _commit(checkout, "mine")
    _git(checkout, "switch", "main")
    change(SAMPLE.replace("string name = 2;", "string name = 2;\n  // How many there are.\n  int32 count = 3;"))
    _commit(checkout, "theirs")
    _git(checkout, "switch", "topic")
    contract_checks.run(checkout / "proto")


def test_a_main_without_protos_has_nothing_to_be_compatible_with(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (checkout / "proto").rename(checkout / "aside")
    (checkout / "README.md").write_text("empty", encoding="utf-8")
    _git(checkout, "init", "--initial-branch=main")
    _git(checkout, "add", "README.md")
    _git(checkout, "commit", "--message", "first")
    (checkout / "aside").rename(checkout / "proto")
    _git(checkout, "switch", "--create", "topic")
    _commit(checkout, "protos")
    contract_checks.run(checkout / "proto")
    assert "main had no protos" in capfd.readouterr().out
