"""The public test cases for a CSMS, some of each block, against the system that runs here."""

import json
from pathlib import Path

from tests.fixtures.system import System

_CASES = (
    *(
        "TC_001",
        "TC_012",
        "TC_014",
        "TC_019_1",
        "TC_023_*",
        "TC_037_3",
        "TC_054",
        "TC_059",
        "TC_073",
        "TC_085",
        "TC_088",
    ),
    *("TC_A_09", "TC_B_08", "TC_B_12", "TC_B_22", "TC_B_30", "TC_C_39", "TC_E_16", "TC_E_31", "TC_F_01", "TC_G_14"),
    *("TC_I_02", "TC_J_11", "TC_K_37", "TC_L_10", "TC_N_01", "TC_N_25"),
)

_VERSIONS = "1.6,2.0.1"


def test_cases_of_each_block_pass_and_leave_no_charge_point(system: System, tmp_path: Path) -> None:
    written = tmp_path / "report.json"
    done = system.csms("conformance", "--versions", _VERSIONS, "--only", ",".join(_CASES), "--report", str(written))
    outcomes = json.loads(written.read_text())
    assert [(one["id"], one["reason"]) for one in outcomes if one["verdict"] != "pass"] == [], done.stdout
    assert done.returncode == 0
    assert len(outcomes) >= len(_CASES)
    assert system.get("/charge-points?text=-TC-").data == []


def test_what_cannot_be_tried_is_told_and_never_passes(system: System, tmp_path: Path) -> None:
    written = tmp_path / "report.md"
    words = ("--versions", _VERSIONS, "--only", "TC_086,TC_D_01")
    done = system.csms("conformance", *words, "--report", str(written))
    assert (done.returncode, "0 pass, 0 fail, 1 not applicable, 1 to come" in done.stdout) == (0, True), done.stdout
    rows = written.read_text()
    assert "| not applicable | the run was given no address with TLS" in rows
    assert "| to come | Authorization lists |" in rows


def test_a_command_line_that_means_nothing_is_refused(system: System) -> None:
    for words in (["--only", "TC_X_99"], ["--versions", "1.5"], ["--at-once", "0"]):
        done = system.csms("conformance", *words)
        assert (done.returncode, done.stdout) == (2, ""), words
    nobody = system.csms("conformance", "--only", "TC_001", "--url", "http://127.0.0.1:1")
    assert (nobody.returncode, "csms conformance: POST /drivers" in nobody.stderr) == (1, True), nobody.stderr
