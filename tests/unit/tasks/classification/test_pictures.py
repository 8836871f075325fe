from __future__ import annotations

from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from tlbench.pictures.sheet import Tile, sheet
from tlbench.tasks.classification.pictures import show_pictures

pytestmark = pytest.mark.usefixtures("drawn_figures")

NAMES = ("cat", "dog", "automobile")
PROBABILITIES = torch.tensor([[0.9, 0.1, 0], [0.3, 0.7, 0], [0.974, 0.02, 0.006], [0.2, 0.2, 0.6]])
IMAGES = torch.arange(4, dtype=torch.uint8).view(-1, 1, 1, 1).expand(4, 3, 8, 6)


class Writer:
    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}

    def add_figure(self, tag: str, figure: Figure, step: int) -> None:
        assert step == 7
        self.figures[tag] = figure


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The images of the sheets that are drawn, and what is said above them."""
    given: list[Any] = []

    def spied(tiles: list[Tile], **options: Any) -> Any:
        given.extend([*tiles, options["heading"]])
        return sheet(tiles, **options)

    monkeypatch.setattr("tlbench.tasks.classification.pictures.sheet", spied)
    return given


def show(targets: list[int], mistakes: int) -> Writer:
    writer = Writer()
    predictions = {"probabilities": PROBABILITIES, "target": torch.tensor(targets)}
    show_pictures(writer, 7, lambda index: IMAGES[index], predictions, NAMES, mistakes)
    return writer


@pytest.mark.parametrize("mistakes", [2, 25])
def test_the_most_confident_mistakes_are_shown_under_what_they_are_and_were_taken_for(shown, mistakes) -> None:
    writer = show([1, 1, 2, 1], mistakes)
    assert list(writer.figures) == ["test/confusion", "test/reliability", "test/most_confident_mistakes"]
    *tiles, heading = shown
    assert heading == ""
    titles = ["automobile →\ncat 0.97", "dog → cat 0.90", "dog →\nautomobile 0.60"]
    assert [tile.title for tile in tiles] == titles[:mistakes]
    for tile, position in zip(tiles, (2, 0, 3), strict=False):
        assert tile.pixels.shape == (8, 6, 3)
        assert (tile.pixels == position).all()


def test_no_mistakes_is_said(shown) -> None:
    writer = show([0, 1, 0, 2], 25)
    assert shown == ["no mistakes"]
    assert "test/most_confident_mistakes" in writer.figures


def test_no_mistakes_are_shown_where_none_are_wanted(shown) -> None:
    assert list(show([1, 1, 2, 1], 0).figures) == ["test/confusion", "test/reliability"]
    assert shown == []
