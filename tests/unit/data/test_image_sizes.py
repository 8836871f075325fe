from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from tlbench.data.image_sizes import image_sizes


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_upright_size(tmp_path: Path, draw_image, suffix: str):
    for orientation in range(1, 9):
        draw_image(tmp_path / f"{orientation}{suffix}", (20, 40), exif=exif(orientation))
    names = [f"{orientation}{suffix}" for orientation in range(1, 9)]
    found = image_sizes(tmp_path, names)
    assert found.sizes.tolist() == [[20, 40]] * 4 + [[40, 20]] * 4
    assert found.turned.tolist() == [False] * 4 + [True] * 4
    for name, size in zip(names, found.sizes.tolist(), strict=True):
        with Image.open(tmp_path / name) as image:
            assert ImageOps.exif_transpose(image).size == tuple(size[::-1])


def test_exif_behind_the_pixels_of_a_png(tmp_path: Path, draw_image):
    draw_image(tmp_path / "a.png", (20, 40))
    content = (tmp_path / "a.png").read_bytes()
    body = b"eXIf" + exif(6).tobytes()[6:]
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:-12] + chunk + content[-12:])
    assert image_sizes(tmp_path, ["a.png"]).sizes.tolist() == [[40, 20]]


def test_pixels_are_not_decoded(tmp_path: Path, draw_image):
    draw_image(tmp_path / "a.png", (2000, 3000))
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    assert image_sizes(tmp_path, ["a.png"]).sizes.tolist() == [[2000, 3000]]


def test_unreadable_files_are_collected(tmp_path: Path, draw_image):
    draw_image(tmp_path / "b" / "good.png")
    (tmp_path / "text.jpg").write_text("no image")
    found = image_sizes(tmp_path, ["text.jpg", "b/good.png", "absent.png"])
    assert found.sizes.tolist() == [[0, 0], [20, 40], [0, 0]]
    assert found.turned.tolist() == [False] * 3
    assert found.unreadable == {
        0: "not an image, or of a kind that is not read",
        2: "No such file or directory",
    }


def test_no_files(tmp_path: Path):
    assert image_sizes(tmp_path, []).sizes.shape == (0, 2)
