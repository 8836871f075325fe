from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from tlbench.pictures.sheet import Tile, sheet
from tlbench.records.thumbnails import FIXED, fixed_order, read_thumbnails
from tlbench.tasks import wing
from tlbench.tasks.classification.pictures import show_pictures

pytestmark = pytest.mark.usefixtures("drawn_figures")

NAMES = ("cat", "dog", "automobile")
PROBABILITIES = torch.tensor([[0.9, 0.1, 0], [0.3, 0.7, 0], [0.974, 0.02, 0.006], [0.2, 0.2, 0.6]])
PICTURES = ["confusion", "reliability", "most_confident_mistakes"]


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


def of_a_test(
    folder: Path, targets: list[int], mistakes: int, writer: Writer | None, probabilities: Any
) -> wing.Tested:
    count = len(targets)
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(count, 3, 8, 6)

    class Split:
        names = None

        def __len__(self) -> int:
            return count

    module: Any = SimpleNamespace(
        target=SimpleNamespace(splits={"test": Split()}, class_names=NAMES), pictures=lambda _, index: images[index]
    )
    task: Any = SimpleNamespace(config=SimpleNamespace(logger=SimpleNamespace(mistakes=mistakes)))
    predictions = {"index": torch.arange(count), "probabilities": probabilities, "target": torch.tensor(targets)}
    given: Any = writer
    return wing.Tested(folder, task, module, predictions, given, 7)


def show(folder: Path, targets: list[int], mistakes: int) -> Writer:
    writer = Writer()
    files = show_pictures(of_a_test(folder, targets, mistakes, writer, PROBABILITIES))
    assert files == {
        **{name.removeprefix("test/"): f"{name.replace('/', '_')}.png" for name in writer.figures},
        "thumbnails_test": "thumbnails_test.npz",
    }
    assert {path.name for path in folder.iterdir()} == set(files.values())
    return writer


@pytest.mark.parametrize("mistakes", [2, 25])
def test_the_surest_mistakes_are_shown_under_what_they_are_and_were_taken_for(shown, tmp_path, mistakes) -> None:
    writer = show(tmp_path, [1, 1, 2, 1], mistakes)
    assert list(writer.figures) == [f"test/{name}" for name in PICTURES]
    *tiles, heading = shown
    assert heading == f"test, true → predicted with confidence: {min(mistakes, 3)} of 3 mistakes, the surest first"
    titles = ["automobile →\ncat, 0.97", "dog → cat, 0.90", "dog →\nautomobile, 0.60"]
    assert [tile.title for tile in tiles] == titles[:mistakes]
    for tile, position in zip(tiles, (2, 0, 3), strict=False):
        assert tile.pixels.shape == (8, 6, 3)
        assert (tile.pixels == position).all()


def test_no_mistakes_is_said(shown, tmp_path) -> None:
    writer = show(tmp_path, [0, 1, 0, 2], 25)
    assert shown == ["test: no mistakes"]
    assert "test/most_confident_mistakes" in writer.figures


def test_no_mistakes_are_shown_where_none_are_wanted(shown, tmp_path) -> None:
    assert list(show(tmp_path, [1, 1, 2, 1], 0).figures) == ["test/confusion", "test/reliability"]
    assert shown == []


@pytest.mark.promise("pictures of a run")
def test_without_a_logger_the_same_files_are_written(tmp_path) -> None:
    files = show_pictures(of_a_test(tmp_path, [1, 1, 2, 1], 25, None, PROBABILITIES))
    assert list(files) == [*PICTURES, "thumbnails_test"]
    for name in PICTURES:
        assert (tmp_path / f"test_{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("mistakes", "worst"), [(25, 60), (1, 60), (0, 0)])
def test_small_images_are_a_sample_that_all_runs_keep_and_the_surest_mistakes(tmp_path, mistakes, worst) -> None:
    count = 240
    confidence = torch.linspace(0.5, 0.9, count)
    probabilities = torch.stack([confidence, 1 - confidence, torch.zeros(count)], dim=1)
    targets = [i % 2 for i in range(count)]  # those of odd positions are taken for another, the last most confidently
    show_pictures(of_a_test(tmp_path, targets, mistakes, None, probabilities))
    wrong = list(range(1, count, 2))[::-1][:worst]
    kept = read_thumbnails(tmp_path / "thumbnails_test.npz")
    assert kept.positions.tolist() == sorted({*fixed_order(None, count)[:FIXED], *wrong})
    assert not kept.drawn
    assert set(kept.names) == set(kept.labels) == {""}
