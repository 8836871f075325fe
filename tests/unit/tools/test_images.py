from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.composed import config
from tlbench.data.decode import decode_fitted
from tlbench.errors import DataError
from tlbench.tasks.classification.inputs import as_stored
from tlbench.tools.images import each

DATA = config().data.model_copy(update={"name": "image_folder", "image_size": 16, "fit": "crop"})
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, format="png")
    return content.getvalue()


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_an_image_of_any_kind_becomes_what_its_file_becomes_in_training(tmp_path, fit):
    data = DATA.model_copy(update={"fit": fit})
    (tmp_path / "a.png").write_bytes(png(PIXELS))
    wanted = decode_fitted(png(PIXELS), (16, 16), fit)
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    for image in ("a.png", Path("a.png"), Image.open("a.png"), PIXELS, tensor, tensor / 255, tensor.double() / 255):
        np.testing.assert_array_equal(as_stored(image, data), wanted)


def test_grey_and_transparent_ones():
    grey = np.repeat(PIXELS[..., :1], 3, axis=2)
    np.testing.assert_array_equal(as_stored(PIXELS[..., 0], DATA), as_stored(grey, DATA))
    clear = np.concatenate([PIXELS, np.zeros((20, 31, 1), np.uint8)], axis=2)
    assert (as_stored(clear, DATA) == 255).all()


def test_the_stored_size_is_the_runs():
    assert as_stored(PIXELS, config().data).shape == (8, 8, 3)  # digits
    assert as_stored(PIXELS, DATA.model_copy(update={"stored_size": 40})).shape == (40, 40, 3)


def test_one_image_is_one_and_a_batch_is_many():
    tensor = torch.zeros(3, 4, 5)
    image = Image.fromarray(PIXELS)
    for one in ("a.png", Path("a.png"), image, PIXELS, PIXELS[..., 0], tensor):
        assert len(list(each(one))) == 1
    assert len(list(each(torch.zeros(6, 3, 4, 5)))) == 6
    assert len(list(each(np.stack([PIXELS] * 3)))) == 3
    assert len(list(each(["a.png", PIXELS, tensor]))) == 3
    assert list(each([])) == []


@pytest.mark.parametrize(
    ("image", "fragments"),
    [
        (PIXELS.astype(np.float32), ["(20, 31, 3)", "float32", "uint8 array"]),
        (PIXELS.transpose(2, 0, 1), ["(3, 20, 31)"]),
        (torch.zeros(20, 31, 3), ["tensor (20, 31, 3)"]),
        (torch.zeros(3, 0, 4), ["tensor (3, 0, 4)"]),
        (torch.zeros(3, 4, 5, dtype=torch.int64), ["int64"]),
        (torch.full((3, 4, 5), 1.5), ["1.5", "[0, 1]", "not normalised"]),
        (torch.full((3, 4, 5), torch.nan), ["nan", "[0, 1]"]),
        ("nowhere.png", ["nowhere.png", "No such file"]),
        (__file__, ["test_images.py", "not an image"]),
        (None, ["NoneType"]),
    ],
)
def test_what_cannot_be_taken_is_named(image, fragments):
    with pytest.raises(DataError) as error:
        as_stored(image, DATA)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == []


def test_what_is_no_image_and_no_list():
    with pytest.raises(DataError, match="cannot take a int"):
        list(each(7))
