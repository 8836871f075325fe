from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from tests.drawn_detections import Drawn, draw
from tlbench.pictures.drawing import Pixels
from tlbench.pictures.marks import Box
from tlbench.pictures.sheet import Tile
from tlbench.records.thumbnails import FIXED, fixed_order, read_thumbnails
from tlbench.tasks import wing
from tlbench.tasks.detection.grid import detections_sheet
from tlbench.tasks.detection.metrics import DetectionMetrics
from tlbench.tasks.detection.pictures import show_detections

pytestmark = pytest.mark.usefixtures("drawn_figures")

NAMES = ("cat", "dog", "cow")
SIDE = 64


@dataclass
class Writer:
    figures: dict[str, Figure] = field(default_factory=dict)
    steps: set[int] = field(default_factory=set)

    def add_figure(self, tag: str, figure: Figure, step: int) -> None:
        self.figures[tag] = figure
        self.steps.add(step)


def predictions_of(drawn: Drawn) -> dict[str, Tensor]:
    return {
        "index": torch.arange(len(drawn.objects)),
        "count": torch.tensor([len(found) for found in drawn.detections]),
        "boxes": torch.cat([found.boxes for found in drawn.detections]),
        "scores": torch.cat([found.scores for found in drawn.detections]),
        "labels": torch.cat([found.labels for found in drawn.detections]),
        "target_count": torch.tensor([len(labels) for _, labels in drawn.objects]),
        "target_boxes": torch.cat([boxes for boxes, _ in drawn.objects]),
        "target_labels": torch.cat([labels for _, labels in drawn.objects]),
    }


@dataclass
class Run:
    """A test of images of 640 × 640 pixels, shown as 32 rows of 64 pixels and grey below."""

    drawn: Drawn
    confidence: float | None = 0.25
    mistakes: int = 25

    def show(self, folder: Path, writer: Writer | None) -> dict[str, str]:
        count = len(self.drawn.objects)
        images = torch.full((count, 3, SIDE, SIDE), 114, dtype=torch.uint8)
        images[:, :, : SIDE // 2] = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)

        class Split(SimpleNamespace):
            def __len__(self) -> int:
                return count

        split = Split(
            names=tuple(f"test/{i}.jpg" for i in range(count)),
            class_names=NAMES,
            annotations=SimpleNamespace(
                sizes=torch.full((count, 2), 640), inside=torch.tensor([[SIDE // 2, SIDE]] * count)
            ),
        )

        def pictures(name: str, index: Tensor) -> Tensor:
            assert name == "test"
            return images[index]

        metrics = DetectionMetrics(NAMES)
        metrics.confidence = self.confidence
        task: Any = SimpleNamespace(
            test_metrics=metrics,
            config=SimpleNamespace(logger=SimpleNamespace(mistakes=self.mistakes)),
        )
        module: Any = SimpleNamespace(target=SimpleNamespace(splits={"test": split}), pictures=pictures)
        given: Any = writer
        return show_detections(wing.Tested(folder, task, module, predictions_of(self.drawn), given, 7))


@pytest.mark.promise("pictures of detection")
def test_three_pictures_lie_beside_the_record_and_in_the_loggers(tmp_path: Path) -> None:
    writer = Writer()
    files = Run(draw(20, [0, 1, 2], seed=0)).show(tmp_path, writer)
    names = ("precision_recall", "f1_confidence", "detections")
    pictures = {name: f"test_{name}.png" for name in names}
    assert files == {**pictures, "thumbnails_test": "thumbnails_test.npz"}
    assert {path.name for path in tmp_path.iterdir()} == set(files.values())
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures.values())
    assert list(writer.figures) == [f"test/{name}" for name in names]
    assert writer.steps == {7}


@pytest.mark.parametrize("confidence", [0.25, None])
def test_legends_say_what_the_metrics_say(tmp_path: Path, confidence: float | None) -> None:
    drawn, writer = draw(25, [0, 1], seed=2), Writer()  # no cows
    metrics = DetectionMetrics(NAMES)
    metrics.confidence = confidence
    metrics.update(drawn.detections, drawn.targets)
    values = {key: float(value) for key, value in metrics.compute().items()}
    Run(drawn, confidence, mistakes=0).show(tmp_path, writer)

    def legend(tag: str) -> list[str]:
        found = writer.figures[tag].axes[0].get_legend()
        assert found is not None
        return [text.get_text() for text in found.get_texts()]

    means = ("cat", "dog", "mean")
    ap = (values["ap50/cat"], values["ap50/dog"], values["map50"])
    f1 = (values["f1/cat"], values["f1/dog"], values["f1"])
    assert set(legend("test/precision_recall")) >= {f"{k}: {v:.3f}" for k, v in zip(means, ap, strict=True)}
    assert set(legend("test/f1_confidence")) >= {f"{k}: {v:.3f}" for k, v in zip(means, f1, strict=True)}
    assert f"confidence {values['confidence']:.3f}" in legend("test/f1_confidence")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Tile]:
    """The images of the sheets that are drawn."""
    tiles: list[Tile] = []

    def spied(given: Sequence[Tile], confidence: float) -> Pixels:
        tiles.extend(given)
        return detections_sheet(given, confidence)

    monkeypatch.setattr("tlbench.tasks.detection.pictures.detections_sheet", spied)
    return tiles


def test_the_worst_images_are_shown_in_their_own_pixels(tmp_path: Path, shown: list[Tile]) -> None:
    drawn = draw(30, [0, 1, 2], seed=4)
    Run(drawn, confidence=0.3).show(tmp_path, None)
    assert len(shown) == 16
    mistakes = []
    for tile in shown:
        title, counts = tile.title.split("\n")
        position = int(title.removesuffix(".jpg"))
        assert tile.pixels.shape == (SIDE // 2, SIDE, 3)
        assert np.unique(tile.pixels).tolist() == [position]
        objects, found = drawn.objects[position][0], drawn.detections[position]
        assert len(tile.marks) == len(objects) + int((found.scores >= 0.3).sum())
        corners = np.array([mark.corners for mark in tile.marks[: len(objects)] if isinstance(mark, Box)])
        factor = np.array([SIDE / 640, SIDE / 2 / 640] * 2)
        np.testing.assert_allclose(corners.reshape(-1, 4), objects.numpy() * factor, rtol=1e-6)
        missed, false = (int(part.split()[0]) for part in counts.split(", "))
        mistakes.append((-(missed + false), position))
    assert mistakes == sorted(mistakes)


@pytest.mark.parametrize(("mistakes", "images"), [(0, 0), (3, 3), (100, 5)])
def test_as_many_images_as_wanted(tmp_path: Path, shown: list[Tile], mistakes: int, images: int) -> None:
    files = Run(draw(5, [0], seed=0), mistakes=mistakes).show(tmp_path, None)
    assert ("detections" in files) == (images > 0)
    assert len(shown) == images


@pytest.mark.parametrize(("objects", "detections"), [(0.0, 10), (4.0, 0), (0.0, 0)])
def test_nothing_there_and_nothing_found(tmp_path: Path, objects: float, detections: int) -> None:
    drawn = draw(4, [0, 1], seed=0, mean_objects=objects, detections_per_image=detections)
    assert len(Run(drawn).show(tmp_path, None)) == 4


@pytest.mark.parametrize(("mistakes", "worst"), [(1, 24), (0, 0)])
def test_small_images_are_a_sample_that_all_runs_keep_and_those_with_the_most_mistakes(
    tmp_path: Path, mistakes: int, worst: int
) -> None:
    drawn = draw(90, [0, 1, 2], seed=4)
    run = Run(drawn, confidence=0.3, mistakes=mistakes)
    run.show(tmp_path, None)
    kept = read_thumbnails(tmp_path / "thumbnails_test.npz")
    names = [f"test/{i}.jpg" for i in range(90)]
    fixed = fixed_order(names, 90)[:FIXED]
    assert set(fixed) <= set(kept.positions.tolist())
    assert FIXED <= len(kept.jpegs) <= FIXED + worst
    assert (len(kept.jpegs) > FIXED) == (worst > 0)
    assert kept.names == tuple(names[i] for i in kept.positions)
    assert kept.drawn
    assert "dashed orange: false" in kept.legend
    with Image.open(io.BytesIO(kept.jpegs[0])) as image:
        assert image.size == (320, 160)
