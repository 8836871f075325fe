from __future__ import annotations

import json
import os

import pytest

from tlbench.errors import DataError
from tlbench.system.names import as_text, check_class_names, escaped, json_bytes, original, printable

NAMES = {
    "plain.jpg": "plain.jpg",
    "naïve 名.jpg": "naïve 名.jpg",
    "\x1b]0;owned\x07\x1b[2J.png": r"\x1b]0;owned\x07\x1b[2J.png",
    "a\nb\r\t": r"a\nb\r\t",
    "\x9b31m\x85": r"\x9b31m\x85",  # C1, which some terminals take for an escape code
    "\u202egnp.exe": r"\u202egnp.exe",
    "a\u200bb\ufeff": r"a\u200bb\ufeff",
    "a\u3164\ufe0f": r"a\u3164\ufe0f",
    os.fsdecode(b"caf\xe9"): r"caf\udce9",
    r"a\x1b": r"a\\x1b",
    r"a\b": r"a\b",
    "a\\\x1b": r"a\\\x1b",
    r"a\\": r"a\\\\",
}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_shown_so_that_it_can_be_found_again(name):
    assert printable(name) == NAMES[name]
    assert printable(name).isprintable()
    assert original(printable(name)) == name


def test_different_names_stay_different():
    names = ["\x1b", r"\x1b", r"\\x1b", "\\\x1b", "\udc1b", r"\udc1b", "\n", r"\n"]
    assert len(set(map(printable, names))) == len(names)


def test_what_stays_is_chosen():
    assert escaped("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_class_names_that_are_no_text_are_refused_escaped():
    check_class_names(["cat", "<script>", "日本\n"])
    with pytest.raises(DataError, match=r"class 'c\\udcffat': .* rename it") as error:
        check_class_names(["cat", os.fsdecode(b"c\xffat")])
    assert str(error.value).isprintable()


def test_json_is_utf8_whatever_it_holds():
    value = {"caf\udce9": ["\x1b", "\\\udcff", 1.5, None]}
    written = json_bytes(value)
    assert json.loads(written.decode()) == {r"caf\udce9": ["\x1b", r"\\udcff", 1.5, None]}
    assert as_text(value) == json.loads(written)
    assert as_text({"日本": ["é"]}) == {"日本": ["é"]}
