from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import get_data_path

from tlbench.pictures import lettering
from tlbench.pictures.lettering import cut_end, cut_middle, legible

STIX = Path(get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf"


@pytest.fixture
def machine(monkeypatch):
    """The fonts that the machine has beside DejaVu Sans: none, or those given."""

    def has(*paths):
        monkeypatch.setattr(lettering, "_more_fonts", lambda: paths)

    has()
    return has


@pytest.mark.parametrize("name", ["signature", "подпись", "υπογραφή", "תמיד", "Ünterßchrift → 0.5"])
@pytest.mark.usefixtures("machine")
def test_letters_that_dejavu_has_are_written_as_they_are(name):
    text, font = legible(name, 11)
    assert text == name
    assert font.getname()[0] == "DejaVu Sans"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("签名", r"\u7b7e\u540d"), ("a签", r"a\u7b7e"), ("\udcff", r"\udcff"), ("two\nlines", r"two\nlines"), ("", "")],
)
@pytest.mark.usefixtures("machine")
def test_letters_that_no_font_has_and_what_cannot_be_seen_are_escaped(name, shown):
    assert legible(name, 11)[0] == shown


def test_a_font_of_the_machine_is_taken_where_it_has_all_letters(machine):
    more = sorted(lettering._letters(STIX) - lettering._letters(lettering._DEJAVU))
    lacking = next(chr(code) for code in more if chr(code).isprintable())
    machine(STIX)
    text, font = legible(f"a{lacking}", 11)
    assert text == f"a{lacking}"
    assert font.getname()[0] == "STIXGeneral"
    assert legible("签" + lacking, 11)[0] == r"\u7b7e" + lacking.encode("unicode_escape").decode()


@pytest.mark.usefixtures("machine")
def test_fonts_of_the_working_folder_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("NotoSansCJK-Regular.ttc").write_bytes(b"no font")
    assert legible("签", 11)[0] == r"\u7b7e"


def test_a_label_is_shortened_at_its_end_and_keeps_its_value():
    whole, font = cut_end("signature", "0.91", 500, 11, 8)
    assert whole == "signature 0.91"
    for room in range(30, 100, 7):
        text, font = cut_end("signature", "0.91", room, 11, 8)
        assert text.endswith("0.91")
        assert font.getlength(text) <= room
    assert cut_end("signature", "0.91", 70, 11, 8)[0].startswith("sig")
    text, font = cut_end("signature", "0.91", 3, 11, 8)
    assert (text, font.size) == ("0.91", 8)
    assert cut_end("signature", "", 3, 11, 8)[0] == ""
    assert cut_end("", "0.91", 500, 11, 8)[0] == "0.91"


def test_a_title_is_shortened_in_its_middle():
    name = "the_recording_of_a_long_session_in_may_00017.jpg"
    for room in range(40, 400, 30):
        text, font = cut_middle(name, room, 12)
        assert font.getlength(text) <= room
        if text != name:
            start, end = text.split("…")
            assert name.startswith(start)
            assert name.endswith(end)
            assert abs(len(start) - len(end)) <= 1
    assert cut_middle(name, 1000, 12)[0] == name
    assert cut_middle("", 10, 12)[0] == ""
