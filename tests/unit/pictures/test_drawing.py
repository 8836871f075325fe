from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tlbench.annotations.instances.found import Detection
from tlbench.pictures.drawing import colour_of, draw_detections

GREY = (128, 128, 128)


def drawn(size, *detections):
    image = Image.new("RGB", size, GREY)
    draw_detections(image, detections)
    return np.asarray(image)


def found(box, label=0, confidence=0.5, name="signature"):
    return Detection(name, label, confidence, box)


def is_of(pixels, label):
    return (pixels == colour_of(label)).all(axis=-1)


def test_classes_have_the_colours_of_okabe_and_ito():
    assert colour_of(0) == (0, 0x72, 0xB2)
    assert len({colour_of(label) for label in range(8)}) == 8
    assert colour_of(8) == colour_of(0)


def test_a_frame_lies_within_its_box_and_a_rim_around_it():
    pixels = drawn((200, 100), found((50, 40, 90, 80)))
    inner = is_of(pixels, 0)
    assert inner[79, 50:90].all()
    assert inner[40:80, 50].all()
    assert inner[40:80, 89].all()
    assert not inner[80:].any()
    assert (pixels[80, 49:91] == 255).all()  # the lower rim: white beside blue
    assert (pixels[42:78, 52:88] == GREY).all()  # what is in the box stays to be seen


@pytest.mark.parametrize(("longer", "width"), [(64, 1), (480, 1), (1920, 4), (3840, 8)])
def test_lines_grow_with_the_image(longer, width):
    pixels = drawn((longer, longer // 2), found((longer * 0.25, longer * 0.25, longer * 0.75, longer * 0.4)))
    row = is_of(pixels, 0)[round(longer * 0.33), : longer // 2]
    assert row.sum() == width


@pytest.mark.parametrize("longer", [96, 1920])
def test_letters_grow_with_the_image_and_stand_above_the_box(longer):
    box = tuple(longer * side for side in (0.2, 0.4, 0.9, 0.49))
    above = drawn((longer, longer // 2), found(box))[: round(box[1]) - max(1, longer // 480)]
    high = is_of(above, 0).any(axis=1).sum()
    assert high == pytest.approx({96: 14, 1920: 40}[longer], abs=3)
    assert (above == 255).all(axis=-1).any()  # white letters


@pytest.mark.parametrize(
    "box", [(0, 0, 40, 30), (360, 0, 400, 30), (360, 270, 400, 300), (0, 270, 40, 300), (0, 0, 400, 300)]
)
def test_a_label_stays_within_the_image(box):
    label_alone = is_of(drawn((400, 300), found((150, 150, 151, 151), label=3)), 3).sum()
    there = is_of(drawn((400, 300), found(box, label=3)), 3).sum()
    assert there >= label_alone - 20  # the frame shares some pixels with it


def test_the_label_is_shortened_where_the_image_is_narrow():
    for size in ((60, 60), (24, 24), (5, 3), (1, 1)):
        pixels = drawn(size, found((0, 0, *size), name="a name that is much too long"))
        assert pixels.shape == (*size[::-1], 3)
    wide, narrow = (is_of(drawn((side, 60), found((0, 30, side, 60))), 0)[:28] for side in (400, 70))
    assert wide.any(axis=0).sum() > 70
    assert narrow.any(axis=0).sum() <= 70


def test_the_surest_is_on_top_and_no_outline_crosses_a_label():
    surest, other = found((20, 30, 100, 80), 0, 0.9), found((20, 30, 100, 80), 1, 0.1)
    pixels = drawn((200, 100), surest, other)
    assert not is_of(pixels[31:], 1).any()
    crossed = drawn((200, 100), found((5, 10, 100, 80), 1, 0.9), found((20, 40, 100, 80), 0, 0.1))
    untouched = drawn((200, 100), found((20, 40, 100, 80), 0, 0.1))
    label = np.s_[27:38, 21:90]
    assert (crossed[label] == untouched[label]).all()


def test_names_of_any_script_and_bytes_that_are_no_text():
    for name in ("подпись", "\udcff", "", "two\nlines"):
        assert is_of(drawn((200, 100), found((50, 40, 90, 80), name=name)), 0).any()
