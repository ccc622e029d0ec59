import pytest

from stack import cli


@pytest.mark.parametrize(
    "words",
    [
        ["--minutes", "0.5"],
        ["--minutes", "nan"],
        ["--minutes", "2000"],
        ["--chargers", "0"],
        ["--replicas", "-1"],
        ["--seed", "x"],
        ["--liars", "1"],
        ["--liars", "1.5"],
        ["--lies", "nonsense"],
        ["--lies", ","],
        ["now"],
    ],
)
def test_a_bad_command_line_starts_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(["chaos", *words])
    assert refused.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
