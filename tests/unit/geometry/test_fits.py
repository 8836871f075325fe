"""Images of any shape in rectangles of any other, in numbers."""

from __future__ import annotations

import pytest

from tlbench.geometry.fits import inside_size, small_size, taken_of


@pytest.mark.parametrize(
    ("image", "size", "wanted"),
    [
        ((1080, 1920), (32, 32), (18, 32)),
        ((1080, 1920), (192, 256), (144, 256)),
        ((1080, 1920), (256, 192), (108, 192)),
        ((480, 640), (192, 256), (192, 256)),
        ((481, 640), (192, 256), (192, 256)),  # to the next whole pixel up
        ((640, 480), (192, 256), (192, 144)),
        ((10, 10), (192, 256), (192, 192)),
        ((1, 3000), (192, 256), (1, 256)),
    ],
)
def test_an_image_is_as_large_as_fits(image, size, wanted):
    assert inside_size(*image, size) == wanted


@pytest.mark.parametrize(
    ("image", "size", "crop", "pad"),
    [  # width and height of the image, height and width of the rectangle
        ((1920, 1080), (100, 100), (1080, 1080), (1920, 1920)),
        ((1920, 1080), (192, 256), (1440, 1080), (1920, 1440)),
        ((1080, 1920), (192, 256), (1080, 810), (2560, 1920)),
        ((640, 480), (192, 256), (640, 480), (640, 480)),
        ((7, 7), (2, 3), (7, 5), (10, 7)),
        ((1000, 1), (1000, 8), (1, 1), (1000, 125000)),
    ],
)
def test_what_is_taken_of_an_image(image, size, crop, pad):
    assert taken_of(image, size, "crop") == crop
    assert taken_of(image, size, "pad") == pad
    assert taken_of(image, size, "squash") == image


@pytest.mark.parametrize(
    ("size", "side", "wanted"),
    [((224, 224), 32, (32, 32)), ((192, 256), 64, (55, 74)), ((64, 640), 64, (20, 202)), ((8, 1024), 32, (3, 362))],
)
def test_images_in_small_keep_their_shape_and_about_the_area(size, side, wanted):
    assert small_size(size, side) == wanted
