from __future__ import annotations

import numpy as np
import pytest

from tlbench.pictures.drawing import draw
from tlbench.pictures.marks import Box, Mask
from tlbench.pictures.palette import class_colour, contrast, rgb

GREY = (128, 128, 128)


def drawn(size, *marks, **options):
    """Marks on a grey image of a width and height, the first on top."""
    return draw(np.full((*size[::-1], 3), 128, np.uint8), marks[::-1], **options)


def found(box, label=0, confidence=0.5, name="signature"):
    return Box(corners=box, colour=class_colour(label), label=name, value=f"{confidence:.2f}")


def is_of(pixels, label):
    return (pixels == rgb(class_colour(label))).all(axis=-1)


def test_the_image_stays_as_it_is():
    pixels = np.full((40, 60, 3), 128, np.uint8)
    assert (draw(pixels, []) == pixels).all()
    draw(pixels, [found((10, 10, 40, 30)), Mask(shape=np.ones((40, 60), bool), colour=class_colour(1))])
    assert (pixels == 128).all()


def test_a_frame_lies_within_its_box_and_a_rim_around_it():
    pixels = drawn((200, 100), found((50, 40, 90, 80)))
    inner = is_of(pixels, 0)
    assert inner[79, 50:90].all()
    assert inner[40:80, 50].all()
    assert inner[40:80, 89].all()
    assert not inner[80:].any()
    assert (pixels[80, 49:91] == 255).all()  # the lower rim: white beside blue
    assert (pixels[42:78, 52:88] == GREY).all()  # what is in the box stays to be seen


@pytest.mark.promise("one drawer")
@pytest.mark.parametrize(("longer", "width"), [(64, 1), (240, 2), (640, 2), (1920, 6), (3840, 12)])
def test_lines_grow_with_the_image(longer, width):
    pixels = drawn((longer, longer // 2), found((longer * 0.25, longer * 0.25, longer * 0.75, longer * 0.4)))
    row = is_of(pixels, 0)[round(longer * 0.33), : longer // 2]
    assert row.sum() == width


@pytest.mark.parametrize("longer", [96, 1920])
def test_letters_grow_with_the_image_and_stand_above_the_box(longer):
    box = tuple(longer * side for side in (0.2, 0.4, 0.9, 0.49))
    above = drawn((longer, longer // 2), found(box))[: round(box[1]) - max(1, longer // 960)]
    high = is_of(above, 0).any(axis=1).sum()
    assert high == pytest.approx({96: 12, 1920: 42}[longer], abs=2)
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
    assert (is_of(pixels, 0) == is_of(drawn((200, 100), surest), 0)).all()
    crossed = drawn((200, 100), found((5, 10, 100, 80), 1, 0.9), found((20, 40, 100, 80), 0, 0.1))
    untouched = drawn((200, 100), found((20, 40, 100, 80), 0, 0.1))
    label = np.s_[27:38, 21:90]
    assert (crossed[label] == untouched[label]).all()


def plates(pixels, label):
    """Rows and columns of what has a class's colour, as `y1 y2 x1 x2`."""
    ys, xs = np.nonzero(is_of(pixels, label))
    return ys.min(), ys.max() + 1, xs.min(), xs.max() + 1


@pytest.mark.promise("one drawer")
def test_labels_do_not_cover_one_another():
    box = (60, 60, 160, 160)
    alone = [is_of(drawn((640, 640), found(box, label)), label).sum() for label in range(4)]
    pixels = drawn((640, 640), *(found(box, label) for label in range(4)))
    for label in range(1, 4):  # their frames are below the first's
        frame = is_of(drawn((640, 640), Box(corners=box, colour=class_colour(label))), label).sum()
        assert is_of(pixels, label).sum() == pytest.approx(alone[label] - frame, abs=60)


def test_a_label_without_a_place_is_left_out():
    boxes = [found((0, 0, 60, 30), label) for label in range(8)]
    pixels = drawn((60, 30), *boxes)
    kept = [label for label in range(8) if is_of(pixels, label).any()]
    assert 0 in kept
    assert len(kept) < 8


def test_a_label_can_be_wanted_below():
    def written(bottom):
        frame = Box(corners=(100, 100, 200, bottom), colour=class_colour(0), label="a", below=True)
        return plates(drawn((300, 300), frame), 0)

    top, bottom, *_ = written(200)
    assert top == 100
    assert bottom > 210
    assert written(300)[:2] == (100, 300)  # inside, where the image ends


def test_a_dashed_frame_shows_what_lies_below_between_its_dashes_and_has_all_corners():
    def frame(label, dashed):
        return Box(corners=(50, 40, 250, 161), colour=class_colour(label), dashed=dashed)

    solid, dashed = (is_of(drawn((300, 200), frame(0, dashed)), 0) for dashed in (False, True))
    assert not (dashed & ~solid).any()
    assert 0.4 < dashed.sum() / solid.sum() < 0.6
    assert dashed[[40, 40, 160, 160], [50, 249, 50, 249]].all()
    pixels = drawn((300, 200), frame(0, True), frame(2, False))
    gaps = solid & ~dashed
    assert is_of(pixels, 2)[gaps].mean() > 0.9
    assert (np.diff(np.flatnonzero(np.diff(dashed[40, 50:250]))) >= 6).all()  # no dash is a dot


def test_a_thin_frame_is_one_pixel_without_a_rim():
    pixels = drawn((640, 640), Box(corners=(100, 100, 200, 200), colour=class_colour(0), thin=True))
    assert is_of(pixels, 0).sum() == 4 * 99
    assert (pixels != 128).any(axis=-1).sum() == 4 * 99


def test_lines_and_letters_like_those_of_another_size():
    small, large = (drawn((100, 100), found((20, 40, 90, 90)), like=like) for like in (100, 640))
    assert is_of(small, 0)[60].sum() == 2
    assert is_of(large, 0)[60].sum() == 4


def test_marks_may_reach_out_of_the_image():
    frame = Box(corners=(-20, -10, 30, 500), colour=class_colour(0))
    assert is_of(drawn((100, 100), frame), 0).sum() == 100  # its right side
    assert (drawn((100, 100), Box(corners=(-50, -50, -10, -10), colour=class_colour(0))) == 128).all()


MASK = np.zeros((8, 9), bool)
MASK[2:6, 2:7] = True


def tinted(label):
    return [round(0.6 * 128 + 0.4 * part) for part in rgb(class_colour(label))]


@pytest.mark.promise("one drawer")
def test_a_mask_is_a_translucent_surface_with_an_outline_and_a_rim():
    pixels = drawn((9, 8), Mask(shape=MASK, colour=class_colour(0)))
    letters = {rgb(class_colour(0)): "#", (255, 255, 255): "o", tuple(tinted(0)): "+", GREY: "."}
    assert ["".join(letters[tuple(pixel)] for pixel in row) for row in pixels.tolist()] == [
        ".........",
        ".ooooooo.",
        ".o#####o.",
        ".o#+++#o.",
        ".o#+++#o.",
        ".o#####o.",
        ".ooooooo.",
        ".........",
    ]


@pytest.mark.parametrize("dashed", [False, True])
@pytest.mark.parametrize("thin", [False, True])
def test_the_outline_of_a_rectangle_is_a_boxes(dashed, thin):
    options = {"colour": class_colour(1), "label": "stamp", "value": "0.25", "dashed": dashed, "thin": thin}
    mask = np.zeros((400, 500), bool)
    mask[100:303, 120:260] = True
    box = drawn((500, 400), Box(corners=(120, 100, 260, 303), **options))
    polygon = np.array([[120, 100], [260, 100], [260, 303], [120, 303.0]])
    for shape in (mask, [polygon]):
        pixels = drawn((500, 400), Mask(shape=shape, **options))
        assert (pixels[mask] == tinted(1)).all(axis=-1).mean() > 0.9
        same = (pixels == box).all(axis=-1)
        assert same[~mask].all()
        assert (pixels[~same] == tinted(1)).all()


def test_surfaces_lie_below_outlines_and_these_below_labels():
    box, mask = found((150, 150, 350, 350), 0), Mask(shape=np.ones((400, 400), bool), colour=class_colour(1))
    pixels = drawn((400, 400), mask, box)
    assert (is_of(pixels, 0) == is_of(drawn((400, 400), box), 0)).all()


def test_a_mask_that_leaves_the_image_is_closed_at_its_border_and_an_empty_one_is_nothing():
    pixels = drawn((9, 8), Mask(shape=np.ones((8, 9), bool), colour=class_colour(0)))
    assert is_of(pixels, 0).sum() == 2 * 9 + 2 * 6
    assert (drawn((9, 8), Mask(shape=np.zeros((8, 9), bool), colour=class_colour(0), label="a")) == 128).all()


def test_a_mask_of_another_image_is_refused():
    with pytest.raises(ValueError, match="a mask of"):
        drawn((8, 9), Mask(shape=MASK, colour=class_colour(0)))


def test_letters_stand_out_from_their_plate():
    for label in range(8):
        colour = class_colour(label)
        pixels = drawn((400, 200), found((50, 40, 150, 80), label))
        assert (pixels[:39] == rgb(contrast(colour))).all(axis=-1).sum() > 20
