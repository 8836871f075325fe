"""`docs/promises.md` is what `make promises` writes, and what it names exists."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.promises import LIST, PAGE, ROOT, Mark, marks, marks_in, page, promises

PROMISES, MARKS = promises(), marks()
BESIDE = sorted({name for promise in PROMISES for name in re.findall(r"`([^`]+)`", promise.beside)})


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(LIST.read_text(), MARKS), "make promises"


def test_a_key_stands_for_one_promise():
    assert {key: n for key, n in Counter(promise.key for promise in PROMISES).items() if n > 1} == {}


def test_every_mark_has_a_key_of_the_list():
    keys = {promise.key for promise in PROMISES}
    assert [mark for mark in MARKS if mark.key not in keys] == []


def test_something_shows_every_promise():
    shown = {mark.key for mark in MARKS}
    assert [promise.key for promise in PROMISES if promise.key not in shown and not promise.beside] == []
    assert len(PROMISES) > 250


@pytest.mark.parametrize("name", BESIDE)
def test_what_shows_a_promise_beside_tests_exists(name):
    if name.startswith("make "):
        assert re.search(rf"^{name.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    else:
        assert (ROOT / name).is_file()


SOURCE = """
import pytest

pytestmark = [pytest.mark.promise("of all"), pytest.mark.usefixtures("here")]

@pytest.mark.promise("a", "b")
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_one(x): ...

@pytest.mark.slow
class TestTwo:
    pytestmark = pytest.mark.promise("c")

    @pytest.mark.promise(
        "a",
    )
    def test_three(self): ...

@pytest.mark.promise("d")
@pytest.mark.slow
def test_four(): ...
"""


def test_marks_are_found_wherever_pytest_takes_them():
    assert marks_in("f.py", SOURCE) == [
        Mark("of all", "f.py", False),
        Mark("a", "f.py::test_one", False),
        Mark("b", "f.py::test_one", False),
        Mark("c", "f.py::TestTwo", True),
        Mark("a", "f.py::TestTwo::test_three", True),
        Mark("d", "f.py::test_four", True),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.promise\ndef test_one(): ...",
        "@pytest.mark.promise()\ndef test_one(): ...",
        "@pytest.mark.promise(KEY)\ndef test_one(): ...",
        "@pytest.mark.promise('a')\ndef one(): ...",
        "CASES = [pytest.param(1, marks=pytest.mark.promise('a'))]",
        "def test_one():\n    @pytest.mark.promise('a')\n    def test_two(): ...",
    ],
)
def test_a_mark_that_would_be_overlooked_is_an_error(source):
    with pytest.raises(ValueError, match=r"^f\.py:\d+: a promise mark "):
        marks_in("f.py", source)


def test_tests_come_before_what_else_shows_a_promise():
    listed = (
        "# T\n\n| key | promise | shown by, beside marked tests |\n|---|---|---|\n| a | A | `make a` |\n| b | B | |\n"
    )
    found = [Mark("a", "f.py::test_one", False), Mark("b", "f.py", True), Mark("a", "g.py::test_two", True)]
    assert page(listed, found) == (
        "# T\n\n| promise | shown by |\n|---|---|\n"
        "| A | `f.py::test_one`, *slow* `g.py::test_two`, `make a` |\n| B | *slow* `f.py` |\n"
    )
