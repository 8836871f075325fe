from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tlbench.data.formats.yolo.labels import LabelRows, fault
from tlbench.data.formats.yolo.reading import decide
from tlbench.system.voice import SILENT

NAMES = ("cat", "dog", "cow")


@dataclass(frozen=True)
class Parsed:
    """What stands in one file, which is all of the set: class and corners, lines, and those that are no objects."""

    objects: list[tuple[float, ...]]
    lines: list[int]
    duplicates: list[int]
    bad: list[tuple[int, str]]


def parse_labels(content: bytes) -> Parsed:
    rows = LabelRows()
    rows.read(0, content, NAMES, None)
    decided = decide(Path("data"), rows, None, SILENT)
    texts = content.decode("utf-8-sig").splitlines()
    wrong = [(line, reason) for _, line, _, reason in rows.bad]
    wrong += [
        (line, fault(texts[line - 1].split(), NAMES))
        for line, bad in zip(rows.lines, decided.bad.tolist(), strict=True)
        if bad
    ]
    objects = [
        (of, *(round(number, 9) for number in corners))
        for of, corners in zip(rows.classes, decided.corners.tolist(), strict=True)
    ]
    return Parsed(objects, list(rows.lines), [line for _, line in rows.duplicates], sorted(wrong))


def test_box_from_centre_and_size():
    found = parse_labels(b"2 0.5 0.25 0.5 0.25\n")
    assert found.objects == [(2, 0.25, 0.125, 0.75, 0.375)]
    assert (found.lines, found.duplicates, found.bad) == ([1], [], [])


def test_polygon_becomes_its_bounding_box():
    found = parse_labels(b"1 0.5 0.75 0.25 0.5 0.375 0.125\n0 .1 .2 .3 .2 .3 .4 .1 .4")
    assert found.objects == [(1, 0.25, 0.125, 0.5, 0.75), (0, 0.1, 0.2, 0.3, 0.4)]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_byte_order_mark_blank_lines_and_line_ends(ends: str):
    text = ends.join(["\ufeff0 0.5 0.5 0.5 0.5  ", "", "\t1.0\t0.5 0.5 0.25 0.25", "   "])
    found = parse_labels(text.encode())
    assert found.objects == [(0, 0.25, 0.25, 0.75, 0.75), (1, 0.375, 0.375, 0.625, 0.625)]
    assert found.lines == [1, 3]
    assert not found.bad


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_empty_file_has_no_objects(content: bytes):
    assert parse_labels(content).objects == []


def test_duplicates_are_rows_of_equal_numbers():
    found = parse_labels(b"0 .5 .5 .2 .2\n0 0.50 0.5 0.2 0.20\n1 .5 .5 .2 .2\n0 .5 .5 .2 .2\n")
    assert found.duplicates == [2, 4]
    assert [(o[0], line) for o, line in zip(found.objects, found.lines, strict=True)] == [(0, 1), (1, 3)]


def test_one_per_cent_outside_is_taken_as_rounding():
    assert not parse_labels(b"0 1.01 -0.01 0.5 1.01\n0 0 0 1.005 1 -0.005 1\n").bad


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
    assert parse_labels(f"0 0.5 0.5 0.1 0.1\n{row}\n0 0.5 0.5 0.2 0.2\n".encode()).bad == [(2, reason)]


def test_all_bad_rows_are_found():
    found = parse_labels(b"5 .5 .5 .1 .1\n0 .5 .5 .1 .1\n\n0 9 9 9 9\n")
    assert [line for line, _ in found.bad] == [1, 4]
    assert found.lines == [2, 4]
