"""What a segmentation test keeps and shows: counts by image, surfaces of classes, what was wrong, rows of shares."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from tlbench.annotations.maps.class_maps import VOID
from tlbench.annotations.maps.drawn import masks_of
from tlbench.errors import ConfigError
from tlbench.pictures.palette import map_colour, rgb
from tlbench.tasks.semantic_segmentation.pictures import _four, _three
from tlbench.tasks.semantic_segmentation.predictor import ClassMap
from tlbench.tasks.semantic_segmentation.sidecar import image_confusions, image_miou
from tlbench.tasks.semantic_segmentation.table import SharesTable

NAMES = ("background", "ink", "stamp")


def test_counts_of_each_image_are_put_together_again() -> None:
    columns = {
        "count": np.array([2, 0, 1]),
        "cells": np.array([0, 4, 1], np.int32),
        "pixels": np.array([5, 7, 9]),
    }
    found = image_confusions(columns, 2 + 1)
    assert found.shape == (3, 3, 3)
    assert found[0].tolist() == [[5, 0, 0], [0, 7, 0], [0, 0, 0]]
    assert found[1].sum() == 0
    assert found[2].tolist() == [[0, 9, 0], [0, 0, 0], [0, 0, 0]]


def test_an_images_miou_is_over_the_classes_that_occur_in_it() -> None:
    confusions = np.array([[[3, 1], [0, 4]], [[4, 0], [0, 0]], [[0, 0], [0, 0]]])
    found = image_miou(confusions)
    assert found[:2].tolist() == pytest.approx([(3 / 4 + 4 / 5) / 2, 1.0])
    assert np.isnan(found[2])


def test_classes_are_surfaces_the_smallest_on_top_and_background_is_none() -> None:
    plane = np.array([[0, 0, 1, 1], [0, 2, 1, 1], [VOID, 0, 1, 1]], np.uint8)
    marks = masks_of(plane, NAMES)
    assert [mark.colour for mark in marks] == [map_colour(1), map_colour(2)]
    assert np.array_equal(marks[0].shape, plane == 1)
    assert [mark.label for mark in marks] == ["ink", "stamp"]
    assert [mark.label for mark in masks_of(plane, NAMES, named=False)] == ["", ""]


def test_what_was_wrong_is_shown_on_grey_and_what_is_of_no_class_is_not_wrong() -> None:
    true = np.zeros((220, 220), np.uint8)
    true[:, :20] = VOID
    found = true.copy()
    found[100:140, :] = 1
    pixels = np.full((220, 220, 3), (200, 50, 50), np.uint8)
    wrong = _three((pixels, true, found), NAMES)[:, -220:]
    assert wrong[10, 100].tolist() == [95, 95, 95]  # its luma
    assert wrong[120, 100, 0] > wrong[120, 100, 1] + 40  # reddish
    assert wrong[120, 5].std() < 10  # of no class


def test_small_images_are_enlarged_before_lines_are_drawn() -> None:
    view = np.zeros((50, 60, 3), np.uint8), np.zeros((50, 60), np.uint8), np.zeros((50, 60), np.uint8)
    assert _three(view, NAMES).shape == (200, 3 * 240 + 12, 3)


def test_small_ones_show_image_map_what_was_found_and_what_was_wrong_two_by_two() -> None:
    pixels = np.full((160, 160, 3), (200, 50, 50), np.uint8)
    true, found = np.ones((160, 160), np.uint8), np.full((160, 160), 2, np.uint8)
    four = _four((pixels, true, found), NAMES)
    assert four.shape == (326, 326, 3)
    at = [four[row, column].astype(int) for row in (80, 246) for column in (80, 246)]
    assert at[0].tolist() == [200, 50, 50]
    for seen, label in ((at[1], 1), (at[2], 2)):
        tinted = 0.6 * np.array([200, 50, 50]) + 0.4 * np.array(rgb(map_colour(label)))
        np.testing.assert_allclose(seen, tinted, atol=1)
    assert at[3][0] > at[3][1] + 40  # reddish
    assert four[162:164].min() == 255


def test_a_file_has_a_row_of_shares() -> None:
    found = ClassMap(np.array([[0, 0, 1], [0, 2, 2]], np.uint8), NAMES)
    assert found.shares == {"background": 0.5, "ink": pytest.approx(1 / 6), "stamp": pytest.approx(1 / 3)}
    assert found.mask("ink").tolist() == [[False, False, True], [False] * 3]
    with pytest.raises(ConfigError, match="mask\\('sea'\\): no such class; there are background, ink, stamp"):
        found.mask("sea")
    table = SharesTable("csv", NAMES)
    rows = list(csv.reader(io.StringIO(table.header() + table.row("a.png", found))))
    assert rows == [
        ["file", "width", "height", "share/background", "share/ink", "share/stamp"],
        ["a.png", "3", "2", "0.5", "0.1666667", "0.3333333"],
    ]
    line = json.loads(SharesTable("jsonl", NAMES).row("a.png", found))
    assert line["shares"] == {"background": 0.5, "ink": 0.1666667, "stamp": 0.3333333}
    assert (line["file"], line["width"], line["height"]) == ("a.png", 3, 2)
