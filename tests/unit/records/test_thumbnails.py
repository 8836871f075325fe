from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tlbench.errors import DataError
from tlbench.pictures.marks import Box
from tlbench.pictures.sheet import Tile
from tlbench.records.arrays import read_arrays, write_arrays
from tlbench.records.thumbnails import fixed_order, read_thumbnails, write_thumbnails

NAMES = ("a/0.png", "a/1.png", "猫.png", "b\udcff.png", "b/4.png")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def opened(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.promise("thumbnails for the report")
def test_what_is_written_is_read_again_in_the_order_of_the_split(tmp_path) -> None:
    tiles = {3: Tile(np.full((8, 8, 3), 200, np.uint8)), 0: Tile(np.full((20, 10, 3), 50, np.uint8))}
    labels = {3: "dog", 0: "cat"}
    assert write_thumbnails(tmp_path, "train", tiles, NAMES, drawn=False, labels=labels) == "thumbnails_train.npz"
    kept = read_thumbnails(tmp_path / "thumbnails_train.npz")
    assert kept.positions.tolist() == [0, 3]
    assert kept.names == ("a/0.png", r"b\udcff.png")
    assert kept.labels == ("cat", "dog")
    assert (kept.drawn, kept.legend) == (False, "")
    for jpeg, size, value in zip(kept.jpegs, ((20, 10), (8, 8)), (50, 200), strict=True):
        assert opened(jpeg).shape == (*size, 3)  # in their own size
        np.testing.assert_allclose(opened(jpeg), value, atol=2)


@pytest.mark.parametrize(("drawn", "size"), [(False, (48, 96)), (True, (160, 320))])
def test_large_images_are_shrunk(tmp_path, drawn, size) -> None:
    write_thumbnails(tmp_path, "test", {0: Tile(noise(400, 800))}, None, drawn=drawn, legend="what is drawn")
    kept = read_thumbnails(tmp_path / "thumbnails_test.npz")
    assert opened(kept.jpegs[0]).shape == (*size, 3)
    assert kept.names == ("",)
    assert (kept.drawn, kept.legend) == (drawn, "what is drawn")


def test_marks_are_drawn_on_what_is_enlarged_for_them(tmp_path) -> None:
    mark = Box(corners=(4, 4, 28, 28), colour="#FF0000")
    write_thumbnails(tmp_path, "test", {0: Tile(np.zeros((32, 32, 3), np.uint8), [mark])}, None, drawn=True)
    (jpeg,) = read_thumbnails(tmp_path / "thumbnails_test.npz").jpegs
    pixels = opened(jpeg).astype(int)
    assert pixels.shape == (320, 320, 3)
    assert pixels[160, 40] @ [1, -1, -1] > 150  # a red line
    assert pixels[160, 160].max() < 20


@pytest.mark.parametrize(("drawn", "side", "count", "bytes_"), [(False, 96, 84, 300_000), (True, 320, 48, 1_200_000)])
def test_the_file_stays_small_and_what_matters_most_stays(tmp_path, drawn, side, count, bytes_) -> None:
    tiles = {i: Tile(noise(side, side, i)) for i in range(count)[::-1]}  # noise is the most that an image can take
    write_thumbnails(tmp_path, "test", tiles, None, drawn=drawn)
    file = tmp_path / "thumbnails_test.npz"
    assert 0.5 * bytes_ < file.stat().st_size <= bytes_
    kept = read_thumbnails(file).positions.tolist()
    assert kept == list(range(count - len(kept), count))
    assert 10 < len(kept) < count


def test_an_order_follows_from_names_whatever_the_images_order_and_else_from_positions() -> None:
    names = [f"{i}.png" for i in range(100)]
    order = fixed_order(names, 100)
    assert sorted(order) == list(range(100))
    assert order[:5] != sorted(order[:5])
    turned = fixed_order(names[::-1], 100)
    assert [names[::-1][i] for i in turned] == [names[i] for i in order]
    assert fixed_order(None, 100) == fixed_order([str(i) for i in range(100)], 100)
    assert fixed_order(["same"] * 4, 4) == [0, 1, 2, 3]


def damaged(arrays: dict[str, np.ndarray], key: str, value: np.ndarray | None) -> dict[str, np.ndarray]:
    return {k: v for k, v in (arrays | {key: value}).items() if v is not None}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jpeg", None),
        ("jpeg", np.zeros(10, np.uint8)),
        ("length", np.array([5, 5])),
        ("length", np.array([-5, 5])),
        ("length", np.array([0.5, 5])),
        ("image", np.array([1, 0])),
        ("image", np.array([0, 0])),
        ("name", np.array(["one"])),
        ("drawn", np.array([True, False])),
    ],
)
def test_what_is_damaged_is_refused(tmp_path, key, value) -> None:
    write_thumbnails(tmp_path, "test", {i: Tile(noise(8, 8, i)) for i in range(2)}, None, drawn=False)
    file = tmp_path / "thumbnails_test.npz"
    write_arrays(file, damaged(read_arrays(file), key, value))
    with pytest.raises(DataError, match=r"thumbnails_test\.npz: .*rerun=true"):
        read_thumbnails(file)


def test_reading_needs_neither_torch_nor_what_draws() -> None:
    program = (
        "import sys, tlbench.records.thumbnails\n"
        "sys.exit(', '.join({'torch', 'matplotlib', 'PIL'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr == ""
