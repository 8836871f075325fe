from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import rich
import torch
from PIL import Image
from rich.console import Console

from tlbench.data import folder
from tlbench.data.folder import decode, list_folder
from tlbench.errors import DataError


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_listing_is_sorted_naturally_and_skips_what_is_no_image(tmp_path: Path):
    for name in ("b/10.JPG", "b/2.jpeg", "b/x1.PNG", "a/1.webp", "a/01.bmp", "a/notes.txt", "a/.hidden.png", "z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "a" / "folder.png").mkdir()
    listed = list_folder(tmp_path)
    assert listed.class_names == ("a", "b")
    assert [Path(p).name for p in listed.paths] == ["01.bmp", "1.webp", "2.jpeg", "10.JPG", "x1.PNG"]
    assert listed.labels.tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("size", [(6, 8), (80, 90)], ids=["one thread", "several threads"])
def test_take_decodes_exact_pixels_in_the_asked_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size):
    monkeypatch.setattr(folder, "_CHUNK", 2)
    pixels = [noise(*size, seed) for seed in range(7)]
    (tmp_path / "c").mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "c" / f"{i}.png")
    index = [6, 0, 3, 5, 1]
    taken = list_folder(tmp_path).take(torch.tensor(index))
    assert taken.images.dtype == torch.uint8
    assert torch.equal(taken.images, torch.from_numpy(np.stack([pixels[i] for i in index])).permute(0, 3, 1, 2))


def test_grey_and_palette_images_become_rgb(tmp_path: Path):
    image = Image.fromarray(noise(4, 4)[..., 0])
    image.save(tmp_path / "grey.png")
    image.convert("P").save(tmp_path / "palette.png")
    images = decode([str(tmp_path / "grey.png"), str(tmp_path / "palette.png")])
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0, 0], torch.from_numpy(np.array(image)))
    assert torch.equal(images[0, 0], images[0, 2])


def test_truncated_jpeg_is_named(tmp_path: Path):
    buffer = io.BytesIO()
    Image.fromarray(noise(32, 32)).save(buffer, "jpeg")
    whole, half = tmp_path / "whole.jpg", tmp_path / "half.jpg"
    whole.write_bytes(buffer.getvalue())
    half.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DataError, match=r"half\.jpg: .*truncated"):
        decode([str(whole), str(half)])


@pytest.mark.parametrize("content", [b"", b"GIF is not this", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDRxx"])
def test_no_image_is_named_in_one_line(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png: ") as caught:
        decode([str(path)])
    assert "\n" not in str(caught.value)
    assert "BytesIO" not in str(caught.value)


def test_more_than_8_bits_is_refused(tmp_path: Path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16)).save(path)
    with pytest.raises(DataError, match=r"deep\.png: more than 8 bits"):
        decode([str(path)])


def test_other_size_is_named(tmp_path: Path):
    for name, size in (("a.png", (4, 6)), ("b.png", (5, 6))):
        Image.fromarray(noise(*size)).save(tmp_path / name)
    with pytest.raises(DataError, match=r"b\.png: 6x5 pixels, but .*a\.png has 6x4"):
        decode([str(tmp_path / "a.png"), str(tmp_path / "b.png")])


def test_class_without_images_is_named(tmp_path: Path, draw_tree):
    draw_tree(tmp_path, {"cat": 1})
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "readme.txt").touch()
    with pytest.raises(DataError, match=r"dog: no images .*in this class folder"):
        list_folder(tmp_path)


def test_folder_that_is_missing_or_empty(tmp_path: Path):
    with pytest.raises(DataError, match=r"absent: No such file"):
        list_folder(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no class folders"):
        list_folder(tmp_path)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_only_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draw_tree, terminal: bool):
    draw_tree(tmp_path, {"cat": 3})
    console = Console(file=io.StringIO(), force_terminal=terminal)
    monkeypatch.setattr(rich, "get_console", lambda: console)
    monkeypatch.setattr(folder, "_SHOW_PROGRESS_ABOVE", 2)
    decode(list_folder(tmp_path).paths)
    assert ("decoding images" in console.file.getvalue()) is terminal
