from __future__ import annotations

import pytest

from tlbench.data.detection.yolo_labels import parse_labels

NAMES = ("cat", "dog", "cow")


def fault(row: str) -> str:
    found = parse_labels(f"0 0.5 0.5 0.1 0.1\n{row}\n".encode(), NAMES)
    assert len(found.objects) == 1
    ((line, text, reason),) = found.bad
    assert (line, text) == (2, row)
    return reason


def test_box_from_centre_and_size():
    found = parse_labels(b"2 0.5 0.25 0.5 0.25\n", NAMES)
    assert found.objects == [(2, 0.25, 0.125, 0.75, 0.375)]
    assert (found.lines, found.duplicates, found.bad) == ([1], [], [])


def test_polygon_becomes_its_bounding_box():
    found = parse_labels(b"1 0.5 0.75 0.25 0.5 0.375 0.125\n0 .1 .2 .3 .2 .3 .4 .1 .4", NAMES)
    assert found.objects == [(1, 0.25, 0.125, 0.5, 0.75), (0, 0.1, 0.2, 0.3, 0.4)]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_byte_order_mark_blank_lines_and_line_ends(ends: str):
    text = ends.join(["\ufeff0 0.5 0.5 0.5 0.5  ", "", "\t1.0\t0.5 0.5 0.25 0.25", "   "])
    found = parse_labels(text.encode(), NAMES)
    assert found.objects == [(0, 0.25, 0.25, 0.75, 0.75), (1, 0.375, 0.375, 0.625, 0.625)]
    assert found.lines == [1, 3]
    assert not found.bad


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_empty_file_has_no_objects(content: bytes):
    assert parse_labels(content, NAMES).objects == []


def test_duplicates_are_rows_of_equal_numbers():
    found = parse_labels(b"0 .5 .5 .2 .2\n0 0.50 0.5 0.2 0.20\n1 .5 .5 .2 .2\n0 .5 .5 .2 .2\n", NAMES)
    assert found.duplicates == [2, 4]
    assert [(o[0], line) for o, line in zip(found.objects, found.lines, strict=True)] == [(0, 1), (1, 3)]


def test_one_per_cent_outside_is_taken_as_rounding():
    assert not parse_labels(b"0 1.01 -0.01 0.5 1.01\n0 0 0 1.005 1 -0.005 1\n", NAMES).bad


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0 0.5 0.5 0.1", "4 columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the points of a polygon)"),
        ("0", "1 columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the points of a polygon)"),
        (
            "0 .1 .1 .2 .2 .3 .3 .4",
            "8 columns, wanted are 5 (class cx cy w h), or 7, 9, … (class and the points of a polygon)",
        ),
        ("0 .5 .5 .1 .1 .9", "6 columns, wanted are 5; perhaps the last is a confidence, as predictions have it"),
        ("cat 0.5 0.5 0.1 0.1", "'cat' is not a number"),
        ("0,0.5,0.5,0.1,0.1", "'0,0.5,0.5,0.1,0.1' is not a number; separate by spaces, not commas"),
        ("0 0.5 nan 0.1 0.1", "'nan' is not a finite number"),
        ("0 inf 0.5 0.1 0.1", "'inf' is not a finite number"),
        ("nan 0.5 0.5 0.1 0.1", "'nan' is not a finite number"),
        ("0 .1 .1 .2 .2 .3 nan", "'nan' is not a finite number"),
        ("0 320 0.5 0.1 0.1", "320 is above 1; perhaps pixels, wanted are fractions"),
        ("0 0.5 1.02 0.1 0.1", "1.02 is above 1"),
        ("0 0.5 -0.2 0.1 0.1", "-0.2 is negative"),
        ("0 0.5 0.5 -0.005 0.1", "a width or height is negative (-0.005, 0.1)"),
        ("3 0.5 0.5 0.1 0.1", "class 3, allowed are 0 to 2 (cat, dog, cow)"),
        ("-1 0.5 0.5 0.1 0.1", "class -1, allowed are 0 to 2 (cat, dog, cow)"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5 is not a whole number"),
        ("0 .1 .1 .2 .2 .3 640", "640 is above 1; perhaps pixels, wanted are fractions"),
    ],
)
def test_what_is_wrong_with_a_row(row: str, reason: str):
    assert fault(row) == reason


def test_all_bad_rows_are_found():
    found = parse_labels(b"5 .5 .5 .1 .1\n0 .5 .5 .1 .1\n\n0 9 9 9 9\n", NAMES)
    assert [line for line, _, _ in found.bad] == [1, 4]
    assert found.lines == [2]
