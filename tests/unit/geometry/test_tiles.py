from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from tlbench.geometry.tiles import first_pixels, of_tiles


@pytest.mark.parametrize(
    ("length", "side", "overlap"), [*itertools.product((32, 33, 47, 64, 65, 100, 999), (32,), (0, 0.25, 0.5, 0.9))]
)
def test_tiles_cover_all_pixels_share_enough_and_end_at_the_ends(length: int, side: int, overlap: float) -> None:
    first = first_pixels(length, side, overlap)
    assert (first[0], first[-1]) == (0, length - side)
    steps = [after - before for before, after in itertools.pairwise(first)]
    assert all(0 < step <= max(side * (1 - overlap) + 1, 1) and step <= side for step in steps)
    least = 1 if length == side else 1 + -(-(length - side) // (side * (1 - overlap)))
    assert len(first) == pytest.approx(least, abs=1e-6)  # and no more of them than that takes


def test_where_tiles_begin() -> None:
    assert first_pixels(360, 192, 0.5) == [0, 84, 168]
    assert first_pixels(193, 192, 0.5) == [0, 1]


@pytest.mark.promise("tiles")
def test_outputs_are_averaged_where_tiles_overlap() -> None:
    """A network that counts its tiles: the mean of the numbers of those that a pixel is in."""
    seen: list[Tensor] = []

    def network(tiles: Tensor) -> Tensor:
        numbers = torch.arange(len(seen), len(seen) + len(tiles), dtype=torch.float32)
        seen.extend(tiles)
        return numbers.view(-1, 1, 1, 1).expand(-1, 1, *tiles.shape[2:])

    images = torch.rand(1, 3, 4, 7)
    found = of_tiles(network, images, (4, 4), 0.25)  # tiles begin at 0 and at 3
    assert found[0, 0].tolist() == [[0, 0, 0, 0.5, 1, 1, 1]] * 4
    assert torch.equal(seen[0], images[0, :, :, :4])
    assert torch.equal(seen[1], images[0, :, :, 3:])


def test_a_network_of_pixels_says_the_same_of_tiles_as_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(2, 3, 50, 70).contiguous(memory_format=torch.channels_last)
    network = torch.nn.Conv2d(3, 5, 1).eval().requires_grad_(False)
    layouts = []

    def watched(tiles: Tensor) -> Tensor:
        layouts.append(tiles.is_contiguous(memory_format=torch.channels_last))
        return network(tiles)

    found = of_tiles(watched, images, (32, 32), 0.5)
    assert torch.allclose(found, network(images), atol=1e-6)
    monkeypatch.setattr("tlbench.geometry.tiles._PIXELS_AT_ONCE", 2 * 32 * 32)
    assert torch.allclose(of_tiles(watched, images, (32, 32), 0.5), found, atol=1e-6)
    assert all(layouts)
    assert len(layouts) == 1 + 12  # all of them at once; then two at a time: 2 images of 3 × 4


def test_an_image_of_the_inputs_size_goes_through_as_it_is() -> None:
    images = torch.rand(2, 3, 32, 48)
    assert of_tiles(lambda given: given, images, (32, 48), 0.5) is images
