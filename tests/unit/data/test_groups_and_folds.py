"""Splits by groups and folds, of labels, boxes and class maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.composed import changed, unresolved
from tlbench.annotations.instances.carve import carve_boxes
from tlbench.annotations.labels.carve import carve_by_label
from tlbench.annotations.labels.labels import Labels
from tlbench.annotations.maps.carve import carve_maps
from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.config import TrainConfig
from tlbench.data.balanced import folds_of, grouped_split
from tlbench.data.drawing import Drawing, by_position
from tlbench.data.groups import group_names, of_test
from tlbench.data.listing import Listed, Listing
from tlbench.data.samples import MemorySamples
from tlbench.errors import ConfigError, DataError
from tlbench.system.voice import SILENT

CLASSES = ("a", "b", "c")
NAMES = tuple(
    f"p{patient:02}/{'abc'[(patient + i) % 3]}{i}.png" for patient in range(20) for i in range(3 + patient % 5)
)
ROOT = Path("/data")


def class_of(name: str) -> int:
    return CLASSES.index(name.split("/")[1][0])


def composed(kind: str, **keys) -> TrainConfig:
    options = {
        "labels": ("data=image_folder",),
        "boxes": ("task=detection", "data=yolo"),
        "maps": ("task=semantic_segmentation", "data=masks"),
    }
    config = changed(unresolved(*options[kind], "data.root=/data"))
    return config.model_copy(update={"data": config.data.model_copy(update=keys)})


@pytest.fixture(params=["labels", "boxes", "maps"])
def carved(request, listing):
    """`carved(seed=1, folds=5)`: the names of each split, and the rule."""

    def carve(names=NAMES, seed: int = 0, parts=None, **keys):
        data = composed(request.param, **keys).data
        made = {part: of_kind(request.param, some, listing) for part, some in (parts or {"train": names}).items()}
        if request.param == "labels":
            splits, rule = carve_by_label(made, data, seed)
        elif request.param == "boxes":
            splits, rule = carve_boxes(Listed(made), data, seed, SILENT)
        else:
            splits, rule = carve_maps("/data", made, data, seed, "the folder's")
        return {split: set(found.names) for split, found in splits.items()}, rule

    return carve


def of_kind(kind: str, names, listing):
    classes = [class_of(name) for name in names]
    if kind == "labels":
        return Listing(ROOT, tuple(names), Labels(torch.tensor(classes), CLASSES))
    if kind == "maps":
        return Listing(ROOT, tuple(names), ClassMaps.of([np.full((2, 2), c, np.uint8) for c in classes], CLASSES))
    return listing({name: [(c, 0, 0, 10, 20)] for name, c in zip(names, classes, strict=True)}, len(CLASSES))


def patients(names) -> set[str]:
    return {name.split("/")[0] for name in names}


@pytest.mark.promise("groups stay together")
def test_no_group_lies_in_two_splits(carved):
    splits, rule = carved(group="folder", val_fraction=0.2, test_fraction=0.2)
    of = {split: patients(names) for split, names in splits.items()}
    assert not of["train"] & of["val"]
    assert not of["train"] & of["test"]
    assert not of["val"] & of["test"]
    assert set().union(*splits.values()) == set(NAMES)
    for split, wanted in (("val", 0.2), ("test", 0.2)):
        assert abs(len(splits[split]) / len(NAMES) - wanted) < 0.06
        assert {class_of(name) for name in splits[split]} == {0, 1, 2}
    assert "by group (folder)" in rule["test"]
    assert carved(group="folder", val_fraction=0.2, test_fraction=0.2)[0] == splits
    assert carved(seed=1, group="folder", val_fraction=0.2, test_fraction=0.2)[0] != splits


@pytest.mark.promise("folds")
@pytest.mark.parametrize("group", [None, "folder"])
def test_each_image_is_tested_in_one_fold_of_each_repetition(carved, group):
    runs = [carved(seed=seed, folds=5, test_fraction=None, group=group) for seed in range(10)]
    for repetition in (runs[:5], runs[5:]):
        tested = [name for splits, _ in repetition for name in splits["test"]]
        assert sorted(tested) == sorted(NAMES)
        for splits, _ in repetition:
            assert set().union(*splits.values()) == set(NAMES)
            assert sum(map(len, splits.values())) == len(NAMES)
            if group:
                assert not patients(splits["test"]) & patients(splits["train"] | splits["val"])
    assert {frozenset(s["test"]) for s, _ in runs[:5]} != {frozenset(s["test"]) for s, _ in runs[5:]}
    assert runs[7][1]["test"].startswith("fold 3 of 5 of all images")
    assert runs[7][1]["test"].endswith("repetition 2")


@pytest.mark.promise("folds")
def test_folds_are_stratified(carved):
    counts = np.array(
        [
            np.bincount(
                [class_of(name) for name in carved(seed=seed, folds=4, test_fraction=None)[0]["test"]], minlength=3
            )
            for seed in range(4)
        ]
    )
    assert (counts.max(0) - counts.min(0)).max() <= 1


@pytest.mark.promise("folds")
def test_a_test_split_is_held_out_of_all_folds(carved):
    runs = [carved(seed=seed, folds=4, test_fraction=0.25)[0] for seed in range(8)]
    assert len({frozenset(splits["test"]) for splits in runs}) == 1
    validated = [name for splits in runs[:4] for name in splits["val"]]
    assert sorted(validated) == sorted(set(NAMES) - runs[0]["test"])
    official = carved(parts={"train": NAMES[:60], "test": NAMES[60:]}, folds=4, seed=3)[0]
    assert official["test"] == set(NAMES[60:])
    assert len(official["val"]) == 15


def test_folds_of_data_with_a_val_split(carved):
    parts = {"train": NAMES[:40], "val": NAMES[40:60], "test": NAMES[60:]}
    with pytest.raises(DataError, match=r"data\.folds=4: the data have a val split, which cannot be a fold; move"):
        carved(parts=parts, folds=4)


def test_too_few_groups(carved):
    two = tuple(name for name in NAMES if name < "p02")
    with pytest.raises(DataError, match=r"data\.folds=5: there are only 2 groups; use at most 2, or null"):
        carved(two, group="folder", folds=5, test_fraction=None)
    with pytest.raises(DataError, match=r"data\.group=folder: 2 groups for train, test, val; it takes 3: group by"):
        carved(two, group="folder")
    three = tuple(name for name in NAMES if name < "p03")
    splits, _ = carved(three, group="folder", val_fraction=0.05, test_fraction=0.05)
    assert sorted(map(patients, splits.values()), key=sorted) == [{"p00"}, {"p01"}, {"p02"}]


def test_a_class_that_groups_leave_no_image_to_train_on():
    names = tuple(f"{c}/{c}{i}.png" for c in "abc" for i in range(4 + ord(c) % 3))
    labels = Labels(torch.tensor([CLASSES.index(name[0]) for name in names]), CLASSES)
    data = composed("labels", group="folder", val_fraction=0.3, test_fraction=0.3).data
    with pytest.raises(DataError, match=r"class '[abc]' has no image left for training: all of its groups"):
        carve_by_label({"train": Listing(ROOT, names, labels)}, data, 0)


def test_frames_of_videos_are_not_dealt_out(listing):
    frames = listing({f"f_{i}.png": [(0, 0, 0, 10, 20)] for i in range(40)})
    with pytest.raises(DataError, match=r"data\.folds=4: the images of yolo are frames of videos"):
        carve_boxes(Listed({"train": frames}, frames=True), composed("boxes", folds=4).data, 0, SILENT)


def test_large_units_are_dealt_out_before_small_ones():
    """Groups of 8, 4, 4, 2, 2, 2, 2 images fill three folds of 8 exactly, whatever the seed."""
    groups = torch.repeat_interleave(torch.arange(7), torch.tensor([8, 4, 4, 2, 2, 2, 2]))
    holds = torch.ones(len(groups), 1, dtype=torch.bool)
    for seed in range(20):
        drawn = Drawing(seed, torch.arange(len(groups)), groups=groups)
        assert torch.bincount(folds_of(holds, 3, drawn, 0)).tolist() == [8, 8, 8]


def test_classes_are_shared_among_groups():
    """Of groups of one class each, every part gets some of every class."""
    labels = torch.arange(40) // 4 % 2
    drawn = Drawing(0, torch.arange(40), groups=torch.arange(40) // 4)
    split = grouped_split(labels[:, None] == torch.arange(2), {"val": 0.2, "test": 0.2}, drawn)
    assert {part: torch.bincount(labels[index]).tolist() for part, index in split.items()} == {
        "train": [12, 12],
        "val": [4, 4],
        "test": [4, 4],
    }


def test_folds_without_classes_are_balanced_in_number():
    found = folds_of(torch.zeros(23, 0, dtype=torch.bool), 5, by_position(23, 0), 0)
    assert sorted(torch.bincount(found).tolist()) == [4, 4, 5, 5, 5]


# ---- what is a group


def grouped(group: str, names, folder: Path = ROOT, **keys):
    data = composed("labels", group=group, **keys).data
    listing = Listing(folder, tuple(names), Labels(torch.zeros(len(names), dtype=torch.int64), ("x",)))
    return group_names(listing, data)


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ("folder", ("x/s1", "x/s1", "y")),
        ("folder:1", ("x", "x", "y")),
        (r"pattern:^[^/]+", ("x", "x", "y")),
        (r"pattern:(\d)_\d", ("1", "1", "2")),
        (r"pattern:^(.).*?(\d)_", ("x/1", "x/1", "y/2")),
    ],
)
def test_groups_of_names(group, found):
    assert grouped(group, ["x/s1/1_1.png", "x/s1/1_2.png", "y/2_1.png"]) == found


def of_tested(alike: list[list[int]], group: str | None = None, names: tuple[str, ...] | None = tuple("abcde")):
    images, labels = torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    return of_test(MemorySamples(images, Labels(labels, ("x",)), names), composed("labels", group=group).data, alike)


@pytest.mark.promise("near-duplicates within test")
def test_groups_of_the_test_images():
    assert of_tested([]) is None
    assert of_tested([[0, 3], [1, 2]]) == ("a", "b", "b", "a", "e")
    assert of_tested([[1, 4]], names=None) == ("test[0]", "test[1]", "test[2]", "test[3]", "test[1]")


@pytest.mark.promise("near-duplicates within test")
def test_what_is_given_is_not_overridden():
    assert of_tested([[0, 3]], "pattern:[^a]|a") == tuple("abcde")
    assert of_tested([], "pattern:^") == ("",) * 5


def test_names_that_a_pattern_does_not_match():
    with pytest.raises(DataError, match=r"data.group=pattern:\^p: 1 of 2 names do not match \(x/a\.png\); change the"):
        grouped("pattern:^p", ["p/a.png", "x/a.png"])
    with pytest.raises(DataError, match=r"data.group=folder:2: p/a.png lies 1 folders deep; use a smaller number"):
        grouped("folder:2", ["p/a.png"])


@pytest.mark.parametrize("own", [True, False])
def test_a_column_of_a_table(tmp_path, own):
    (tmp_path / "images").mkdir()
    for name in ("1.png", "2.png", "3.png"):
        (tmp_path / "images" / name).write_bytes(b"")
    table = tmp_path / "table.csv"
    table.write_text(
        "path,label,patient\nimages/1.png,a,ann\nimages/2.png,b,bob\nimages/3.png,a,ann\nimages/4.png,a,ann\n"
    )
    if own:
        found = grouped("column:patient", [f"images/{i}.png" for i in (3, 2, 1)], tmp_path, root=str(table))
    else:
        found = grouped(f"column:patient@{table}", [f"{i}.png" for i in (3, 2, 1)], tmp_path / "images")
    assert found == ("ann", "bob", "ann")


def test_a_table_without_the_column_or_a_row(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    table = tmp_path / "table.csv"
    table.write_text("path,patient\n1.png,ann\n")
    with pytest.raises(DataError, match=r"table.csv has 0 columns scene; it has path, patient"):
        grouped(f"column:scene@{table}", ["1.png"], tmp_path)
    with pytest.raises(DataError, match=r"table.csv has no patient of 1 images \(2.png\); fill them in, a row each"):
        grouped(f"column:patient@{table}", ["1.png", "2.png"], tmp_path)


@pytest.mark.parametrize("group", ["folder:0", "folder:x", "pattern:", "pattern:(", "column:", "column:a@", "scene"])
def test_a_group_that_cannot_be_read(group):
    with pytest.raises(ConfigError, match=r"data\.group"):
        changed({**unresolved(), "data": {**unresolved()["data"], "group": group}})
