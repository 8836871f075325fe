"""Each layout is read to the labels and boxes that were drawn, and every file of it is accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from tests.composed import data_values
from tests.field.coco_layouts import COLOURS, HEIGHT, LAYOUTS, WIDTH, boxes_of, make
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.instances.target import open_boxes
from tlbench.data.samples import MemorySamples
from tlbench.system.voice import SILENT, Voice

SPLITS = ("train", "val", "test")


@pytest.mark.promise("COCO layouts")
@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_is_read_as_it_was_drawn(name: str, tmp_path: Path) -> None:
    layout, folder = LAYOUTS[name], tmp_path / "set"
    drawn = make(layout, folder)
    warned: list[str] = []
    values = {**data_values("coco"), "root": str(folder), "image_size": WIDTH, "val_fraction": 0.34}
    data = InstanceDataConfig.model_validate(values | ({"test_fraction": 0.34} if len(drawn) == 1 else {}))
    target = open_boxes(data, 0, Voice(SILENT.say, warned.append))

    assert set(target.class_names) == {"red", "blue"}
    numbers = {path: number for images in drawn.values() for path, number in images.items()}
    seen: Counter[str] = Counter()
    for split in SPLITS:
        images = target.splits[split]
        assert isinstance(images, MemorySamples)
        assert images.listing is not None
        for i, path in enumerate(images.names):
            path = str((images.listing.root / path).relative_to(folder))
            seen[path] += 1
            rows, _ = images.annotations.objects(torch.tensor([i]))
            found = {
                target.class_names[label]: tuple(box)
                for label, box in zip(
                    images.labels[rows].tolist(), images.annotations.boxes[rows].tolist(), strict=True
                )
            }
            assert found == boxes_of(numbers[path])
            for of, (x1, y1, x2, y2) in boxes_of(numbers[path]).items():
                middle = images.images[i, :, (y1 + y2) // 2, (x1 + x2) // 2].tolist()
                assert all(abs(a - b) < 12 for a, b in zip(middle, COLOURS[of], strict=True))
    assert seen == Counter(list(numbers))
    if "test" in drawn:
        own = {split: {Path(path).name for path in images} for split, images in drawn.items()}
        assert {split: {Path(path).name for path in target.splits[split].names} for split in SPLITS} == own
    parts = [images.annotations.crowds for images in target.splits.values()]
    crowds = [found for found in parts if found is not None]
    assert sum(map(len, crowds)) == (len(drawn) if layout.crowd else 0)
    for found_crowds in crowds:
        assert all(box == [0, 0, WIDTH, HEIGHT] for box in found_crowds.boxes.tolist())

    inventory = target.inventory
    assert inventory is not None
    named = [name for kinds in (inventory.read, inventory.left_out) for names in kinds.values() for name in names]
    there = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert sorted(named) == sorted(there)
    assert set(inventory.read["images"]) == set(numbers)
    assert set(inventory.read["annotation files"]) == set(layout.files.values())
    expected = ["image_info_test2017.json: lists 1 images without annotations"] if name == "COCO 2017" else []
    assert len(warned) == len(expected)
    assert all(text in line for text, line in zip(expected, warned, strict=True))
