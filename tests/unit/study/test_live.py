"""Lines that are redrawn in place, at the widths of terminals."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tlbench import console
from tlbench.records.progress import Progress
from tlbench.study.live import Board, Line, run_line, study_line

NAME = "[2/6] tin200-gradual_unfreezing/seed_1"
FIT = Progress(phase="fit", epoch=3, of=10, seconds=2.0, left_s=40.0, monitor="val/oa", value=0.9124)


@pytest.mark.promise("a study shows its runs")
def test_a_run_says_less_where_the_terminal_is_narrow():
    line = run_line(NAME, FIT, 40.0)
    assert line.text() == f"{NAME}  epoch 3/10  val/oa 0.912  40 s left"
    assert line.text(80) == f"{NAME}  epoch 3/10  val/oa 0.912  40 s left"
    assert line.text(65) == f"{NAME}  3/10  0.912  40 s left"
    assert line.text(57) == f"{NAME}  3/10  40 s left"
    for width in range(18, 100):
        text = line.text(width)
        assert len(text) <= width
        assert text.endswith("40 s left")


def test_at_40_columns_the_seed_stays():
    assert run_line(NAME, FIT, 40.0).text(40) == "…dual_unfreezing/seed_1  3/10  40 s left"


def test_what_a_run_does_and_what_is_not_known_yet():
    validating = FIT.model_copy(update={"phase": "validate", "value": None})
    assert run_line("a", validating, None).text() == "a  epoch 3/10, validation"
    assert run_line("a", FIT.model_copy(update={"phase": "test"}), 9000.0).text() == "a  test  val/oa 0.912  2.5 h left"
    assert run_line("a", None, None).text() == "a  starts"
    assert run_line("a", None, 12.0).text() == "a  starts  12 s left"


def test_a_study_says_less_where_the_terminal_is_narrow():
    line = study_line("quickstart", 2, 6, 1, 180.0)
    assert line.text(80) == "quickstart  2 of 6 runs complete, 1 failed, about 3 min left"
    assert line.text(40) == "quickstart  2/6, 1 failed, 3 min left"
    assert study_line("quickstart", 2, 6, 0, None).text() == "quickstart  2 of 6 runs complete"


def test_wide_characters_count_as_two_cells():
    assert Line("日本語", ("3/10",)).text(12) == "日本語  3/10"
    assert Line("日本語", ("3/10",)).text(11) == "…本語  3/10"


@pytest.mark.parametrize("width", [40, 80])
def test_the_board_redraws_in_place_below_what_is_printed_and_gives_the_cursor_back(monkeypatch, width):
    screen = io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=screen, force_terminal=True, width=width, color_system=None))
    board = Board()
    lines = [study_line("study", 0, 2, 0, 60.0), run_line(NAME, FIT, 40.0), run_line("a", None, None), "x" * 100]
    board.show(lines)
    first = screen.getvalue()
    assert "\x1b[?25l" in first  # the cursor is hidden
    shown = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", first).replace("\r", "").splitlines()
    assert all(len(line) <= width for line in shown)
    assert (
        shown[:3]
        == {
            80: [
                "study  0 of 2 runs complete, about 60 s left",
                f"{NAME}  epoch 3/10  val/oa 0.912  40 s left",
                f"a{' ' * (len(NAME) - 1)}  starts",
            ],
            40: ["study  0/2, 60 s left", "…dual_unfreezing/seed_1  3/10  40 s left", "a  starts"],
        }[width]
    )
    assert shown[3].endswith("…")
    board.show(lines)
    assert screen.getvalue() == first
    console.say("[1/2] b: complete")
    board.show(lines[:-1])
    again = screen.getvalue()[len(first) :]
    assert again.count("\x1b[2K") >= len(lines)  # what stood there is erased
    board.close()
    assert screen.getvalue().count("\x1b[?25h") == 1
    board.close()
    assert screen.getvalue().count("\x1b[?25h") == 1
