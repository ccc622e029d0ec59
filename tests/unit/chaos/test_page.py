from pathlib import Path

import pytest

from chaos.page import BEGIN, END, filled, main
from chaos.report import short, write
from tests.unit.chaos.test_report import REPORT

PAGE = f"Before.\n\n{BEGIN}\n\nold\n\n{END}\n\nAfter.\n"


def test_new_reports_take_the_place_of_the_old_ones_and_of_nothing_else() -> None:
    page = filled(PAGE, ["### one\n", "### two\n"])
    assert page == f"Before.\n\n{BEGIN}\n\n### one\n\n### two\n\n{END}\n\nAfter.\n"
    assert filled(page, ["### one\n", "### two\n"]) == page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_a_place_for_reports_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        filled(page, [])


def test_a_page_is_filled_on_disk_and_one_without_reports_stays_as_it_is(tmp_path: Path) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "run"
    page.write_text(PAGE)
    assert main([str(page), str(folder)]) == 1
    assert page.read_text() == PAGE
    write(REPORT, folder)
    assert main([str(page), str(folder)]) == 0
    assert short(REPORT).strip() in page.read_text()
    assert main([str(page)]) == 2
