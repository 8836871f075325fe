from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.drawn_boxes import SIZES, box_images
from tlbench.annotations.instances.augment import evaluation_boxes
from tlbench.config.compose import compose_config
from tlbench.data.decode import decode_fitted
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import DataError
from tlbench.tools.letterboxed import CornerImage, as_batch, corner_image, decode_corner_image

DATA = compose_config(["task=detection", "data.image_size=32"]).data
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)


def file_of(array, kind="png", **options):
    content = io.BytesIO()
    Image.fromarray(array).save(content, format=kind, **options)
    return content.getvalue()


def test_a_batch_is_what_evaluation_makes_of_the_same_images():
    images = box_images()
    wanted, targets = evaluation_boxes(images, torch.arange(len(SIZES)))
    inputs = [
        CornerImage(pixels.permute(1, 2, 0).numpy(), *size, tuple(inside))
        for pixels, size, inside in zip(images.images, SIZES, images.annotations.inside.tolist(), strict=True)
    ]
    batch, placement = as_batch(inputs, torch.device("cpu"))
    assert torch.equal(batch, wanted)
    assert vars(placement).keys() == vars(targets.placement).keys()
    for name, part in vars(placement).items():
        other = vars(targets.placement)[name]
        assert torch.equal(part, other) if isinstance(part, torch.Tensor) else part == other, name


def test_the_size_is_that_of_the_upright_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("png", "jpeg"):
        content = file_of(PIXELS, kind, exif=exif)
        found = decode_corner_image(content, DATA)
        assert (found.height, found.width) == (31, 20)
        np.testing.assert_array_equal(found.pixels, decode_fitted(content, (32, 32), "corner"))


def test_an_image_of_any_kind_becomes_what_its_file_becomes_in_training(tmp_path):
    (tmp_path / "a.png").write_bytes(file_of(PIXELS))
    wanted = decode_fitted(file_of(PIXELS), (64, 64), "corner")
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    for image in ("a.png", Path("a.png"), Image.open("a.png"), PIXELS, tensor, tensor / 255, tensor.double() / 255):
        found = corner_image(image, DATA.model_copy(update={"image_size": 64}))
        np.testing.assert_array_equal(found.pixels, wanted)
        assert (found.height, found.width) == (20, 31)


@pytest.mark.promise("antialias")
def test_it_is_shrunk_as_the_runs_images_were():
    content = file_of(np.repeat(np.repeat(PIXELS, 10, 0), 10, 1))
    pixels = {a: decode_corner_image(content, DATA.model_copy(update={"antialias": a})).pixels for a in (True, False)}
    np.testing.assert_array_equal(pixels[True], decode_fitted(content, (32, 32), "corner"))
    np.testing.assert_array_equal(pixels[False], decode_fitted(content, (32, 32), "corner_aliased"))
    assert not np.array_equal(*pixels.values())


def test_an_image_that_was_given_stays_as_it_is():
    content = io.BytesIO(file_of(np.repeat(np.repeat(PIXELS, 40, 0), 40, 1), "jpeg"))
    image = Image.open(content)
    corner_image(image, DATA)
    assert image.size == (1240, 800)


def test_what_cannot_be_taken_is_named():
    with pytest.raises(DataError, match=r"nowhere\.png: No such file.*replace it or leave it out"):
        corner_image("nowhere.png", DATA)
    with pytest.raises(DataError, match="float32"):
        corner_image(PIXELS.astype(np.float32), DATA)
    with pytest.raises(UnreadableError):
        decode_corner_image(b"broken", DATA)
