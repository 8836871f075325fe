"""COCO files that are not as the format wants them: what has one reading is read to the right boxes and said so."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.composed import data_values
from tests.listed_boxes import ListedSplits, list_splits
from tests.voices import hearing
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.errors import DataError

W, H = 160, 120
Content = dict[str, Any]
Edit = Callable[[Content, str], object]


def boxes_of(i: int) -> list[tuple[int, int, int, int]]:
    """`x1 y1 x2 y2`; one in the upper left, one that reaches far to the lower right."""
    return [(3 + i, 2 + i, 40 + 2 * i, 30 + i), (90 - i, 60 - i, 140 + i, 108 + i)]


class Drawn:
    """Twelve images of 160 x 120 pixels in two splits, each with a cat and a dog."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.folders = {"train": "images/train", "val": "images/val"}
        self.size = (W, H)
        self.exif = 1

    def make(self, edit: Edit | None = None) -> None:
        number = 0
        for split, count in (("train", 8), ("val", 4)):
            content: Content = {"images": [], "annotations": [], "categories": []}
            content["categories"] = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
            for _ in range(count):
                self.draw(self.root / self.folders[split] / f"é {number:02}.png")
                content["images"].append({"id": number + 1, "file_name": f"é {number:02}.png", "width": W, "height": H})
                for of, (x1, y1, x2, y2) in enumerate(boxes_of(number), 1):
                    own = {"id": 2 * number + of, "image_id": number + 1, "category_id": of}
                    content["annotations"].append(own | {"bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0})
                number += 1
            if edit is not None:
                edit(content, split)
            file = self.root / "annotations" / f"instances_{split}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content))

    def draw(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = self.exif
        Image.new("RGB", self.size).save(path, exif=exif)

    def listed(self, **changes: Any) -> ListedSplits:
        values = {**data_values("coco"), "root": str(self.root), "val_fraction": 0.3, **changes}
        return list_splits(InstanceDataConfig.model_validate(values), hearing(self.said))

    def check(self, *, scale: tuple[float, float] = (1, 1), atol: float = 1e-3, **changes: Any) -> None:
        """All boxes are those that were drawn, on images of another size in other pixels."""
        seen = 0
        for listing in self.listed(**changes).splits.values():
            assert listing.class_names == ("cat", "dog")
            for i, name in enumerate(listing.names):
                own, _ = listing.annotations.objects(torch.tensor([i]))
                wanted = np.array(boxes_of(int(Path(name).stem[-2:]))) * np.tile(scale, 2)
                np.testing.assert_allclose(listing.annotations.boxes[own].numpy(), wanted, atol=atol)
                assert listing.annotations.labels[own].tolist() == [0, 1]
                seen += 1
        assert seen == 12

    def refusal(self, **changes: Any) -> str:
        with pytest.raises(DataError) as caught:
            self.listed(**changes)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{self.root}", "d")

    @property
    def heard(self) -> str:
        return "\n".join(self.said).replace(f"{self.root}", "d")


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return Drawn(tmp_path / "d")


def boxes(change: Callable[[list[float]], object]) -> Edit:
    """Write every box otherwise."""

    def edit(content: Content, split: str) -> None:
        for entry in content["annotations"]:
            entry["bbox"] = change(entry["bbox"])

    return edit


def images(change: Callable[[Content, str], object]) -> Edit:
    """Tell other things of every image."""

    def edit(content: Content, split: str) -> None:
        for entry in content["images"]:
            change(entry, split)

    return edit


def annotations(change: Callable[[Content], object]) -> Edit:
    def edit(content: Content, split: str) -> None:
        for entry in content["annotations"]:
            change(entry)

    return edit


def segmented(entry: Content, **others: object) -> None:
    x, y, w, h = entry.pop("bbox")
    entry |= {"segmentation": [[x, y, x + w, y, x + w, y + h], [x, y, x, y + h, x + w, y + h]], **others}


def in_runs(entry: Content, *, bbox: object = None) -> None:
    x, y, w, h = entry["bbox"]
    pixels = np.zeros((H, W), np.uint8)
    pixels[y : y + h, x : x + w] = 1
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels.T.ravel(), [0]])))
    runs = np.diff(np.concatenate([[0], edges])).tolist()
    entry |= {"bbox": bbox, "segmentation": {"size": [H, W], "counts": runs}}


@pytest.mark.promise("COCO boxes as a whole")
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (boxes(lambda b: [b[0] / W, b[1] / H, b[2] / W, b[3] / H]), "fractions of the image's width and height, as [x"),
        (
            boxes(lambda b: [(b[0] + b[2] / 2) / W, (b[1] + b[3] / 2) / H, b[2] / W, b[3] / H]),
            "fractions of the image's width and height, as the centre and the size",
        ),
        (boxes(lambda b: [b[1], b[0], b[1] + b[3], b[0] + b[2]]), "pixels, as both corners with y before x"),
        (boxes(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]), "pixels, as both corners, [x1, y1, x2, y2]"),
        (boxes(lambda b: [str(v) for v in (b[0], b[1], b[0] + b[2], b[1] + b[3])]), "pixels, as both corners"),
        (boxes(lambda b: [b[0] + b[2] / 2, b[1] + b[3] / 2, b[2], b[3]]), "pixels, as the centre and the size"),
    ],
    ids=["fractions", "centre-fractions", "corners-turned", "corners", "corners-text", "centre"],
)
def test_what_the_four_numbers_are_is_told_by_all_of_them(drawn: Drawn, edit: Edit, said: str) -> None:
    drawn.make(edit)
    drawn.check(atol=0.01)
    assert drawn.heard.count(said) == 2  # once a file
    assert f"instances_train.json: the 16 boxes are not [x, y, width, height] in pixels but {said}" in drawn.heard


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (boxes(lambda b: [str(v) for v in b]), ""),
        (boxes(str), ""),
        (boxes(lambda b: " ".join(map(str, b))), ""),
        (annotations(segmented), "16 objects without a bbox"),
        (annotations(lambda e: segmented(e, bbox=[0, 0, 0, 0])), "16 objects without a bbox"),
        (annotations(in_runs), "16 objects without a bbox: the box around their segmentation is taken"),
        (annotations(lambda e: in_runs(e, bbox=[])), "8 objects without a bbox"),
        (images(lambda e, _: e.update(width=0, height=0)), "8 of 8 images without width and height"),
        (images(lambda e, _: e.pop("width")), "4 of 4 images without width and height"),
        (images(lambda e, _: e.update(width=-1, height=None)), "8 of 8 images without width and height"),
        (images(lambda e, _: e.update(width=str(W), height=float(H))), ""),
        (images(lambda e, _: e.update(width=H, height=W)), "12 images whose width and height are swapped"),
        (images(lambda e, _: e.update(width=W + 1, height=H - 1)), "12 images of another size"),
        (annotations(lambda e: e.update(image_id=str(e["image_id"]))), "16 ids of annotations are numbers as text"),
        (annotations(lambda e: e.update(image_id=f"{e['image_id']:05}")), "16 ids of annotations are numbers"),
        (annotations(lambda e: e.update(image_id=float(e["image_id"]), category_id=float(e["category_id"]))), ""),
        (annotations(lambda e: e.update(category_id=str(e["category_id"]))), "8 ids of annotations are numbers"),
        (lambda c, _: [e.update(id=str(e["id"])) for e in c["images"][::2]], "8 ids of annotations are numbers"),
    ],
)
def test_one_reading_is_read(drawn: Drawn, edit: Edit, said: str) -> None:
    drawn.make(edit)
    drawn.check()
    assert said in drawn.heard if said else drawn.said == []


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (images(lambda e, s: e.update(file_name=f"{s}/{e['file_name']}")), ""),
        (images(lambda e, s: e.update(file_name=f"images\\{s}\\{e['file_name']}")), ""),
        (images(lambda e, s: e.update(file_name=f"../images/{s}/./{e['file_name']}")), ""),
        (images(lambda e, s: e.update(file_name=f"/mnt/set/{s}/{e['file_name']}")), "are read from d/images"),
        (images(lambda e, s: e.update(file_name=rf"D:\set\{s}\{e['file_name']}")), "are read from d/images"),
        (
            images(lambda e, _: e.update(file_name=f"https://a.org/b/{e['file_name']}?x=1".replace(" ", "%20"))),
            "8 of 8 images, written as 'https://a.org/b/é%2000.png?x=1', are read from d/images/train",
        ),
        (images(lambda e, _: e.update(file_name=f"s3://bucket/{e['id']}/{e['file_name']}")), "d/images/val"),
        (images(lambda e, _: e.update(file_name=f"/data/local-files/?d=a/{e['file_name']}")), "d/images/train"),
        (images(lambda e, _: e.update(file_name=e["file_name"].upper())), "4 of 4 images, written as 'É 08.PNG'"),
        (images(lambda e, _: e.update(file_name=unicodedata.normalize("NFD", e["file_name"]))), "d/images/val"),
        (images(lambda e, _: e.update(file_name="x/" * (e["id"] % 3) + e["file_name"])), "d/images/train"),
    ],
)
def test_names_lead_to_the_files_where_one_reading_fits_all(drawn: Drawn, edit: Edit, said: str) -> None:
    drawn.make(edit)
    drawn.check()
    assert said in drawn.heard if said else drawn.said == []


def test_images_in_folders_that_names_do_not_tell(drawn: Drawn) -> None:
    drawn.make()
    for i, file in enumerate(sorted((drawn.root / "images/train").iterdir())):
        (drawn.root / f"images/train/{i % 3}").mkdir(exist_ok=True)
        file.rename(drawn.root / f"images/train/{i % 3}/{file.name}")
    drawn.check()
    assert "instances_train.json: 8 images, written as 'é 00.png', are in several folders below d" in drawn.heard


def test_another_split_s_images_of_the_same_name_are_not_taken(drawn: Drawn) -> None:
    drawn.make()
    for file in (drawn.root / "images/val").iterdir():
        file.rename(drawn.root / "images/train" / file.name)
    message = drawn.refusal()
    assert (
        "instances_val.json: image 'é 08.png' is neither in d/val nor anywhere else below d, nor is any of the 4"
        in message
    )


def test_two_folders_that_fit_alike_are_refused(drawn: Drawn) -> None:
    drawn.folders = {"train": "raw/train", "val": "raw/val"}
    drawn.make()
    for file in (drawn.root / "raw/train").iterdir():
        drawn.draw(drawn.root / "small/train" / file.name)
    assert drawn.refusal().endswith(
        "images called as 'é 00.png' are in d/raw/train and in d/small/train, and it is not known which are meant; "
        "leave one of these folders"
    )


@pytest.mark.promise("images scaled after labelling")
@pytest.mark.parametrize(
    ("size", "scale", "said"),
    [
        ((80, 60), (0.5, 0.5), "(160 x 120 in the annotations, 80 x 60 in the file): their boxes are scaled by 0.5"),
        ((53, 40), (53 / 160, 1 / 3), "their boxes are scaled by 0.3323"),
        ((96, 96), (0.6, 0.8), "their boxes are scaled by 0.6 across and 0.8 down"),
        ((320, 240), (2, 2), "their boxes are scaled by 2"),
    ],
)
def test_images_that_were_scaled_after_labelling(
    drawn: Drawn, size: tuple[int, int], scale: tuple[float, float], said: str
) -> None:
    drawn.size = size
    drawn.make()
    drawn.check(scale=scale)
    assert drawn.heard.count("8 of 8 images are not of the size that their annotations tell") == 1
    assert said in drawn.heard


def test_each_image_scaled_by_a_factor_of_its_own(drawn: Drawn) -> None:
    """All sides are brought to 80 pixels: of images of two sizes."""

    def edit(content: Content, split: str) -> None:
        for image in content["images"][::2]:
            image |= {"width": 2 * W, "height": 2 * H}
            for entry in content["annotations"]:
                if entry["image_id"] == image["id"]:
                    entry["bbox"] = [2 * v for v in entry["bbox"]]

    drawn.size = (80, 60)
    drawn.make(edit)
    drawn.check(scale=(0.5, 0.5))
    assert "their boxes are scaled by factors from 0.25 to 0.5, one an image" in drawn.heard


def test_sizes_in_the_annotations_that_are_stale(drawn: Drawn) -> None:
    """Boxes were scaled with the images, only width and height were not: half of them would be far too small."""
    drawn.make(images(lambda e, _: e.update(width=4 * W, height=4 * H)))
    drawn.check()
    assert "12 images of another size than their annotations say, whose boxes fit as they are" in drawn.heard
    drawn.make(images(lambda e, _: e.update(width=W // 2, height=H // 2)))
    drawn.check()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_images_turned_by_exif_that_were_labelled_unturned(drawn: Drawn, orientation: int) -> None:
    drawn.exif = orientation
    drawn.make()
    painted = np.zeros((H, W), np.uint8)
    x1, y1, x2, y2 = boxes_of(3)[1]
    painted[y1:y2, x1:x2] = 1
    turned = {5: painted.T, 6: np.rot90(painted, -1), 7: np.rot90(painted, 2).T, 8: np.rot90(painted)}[orientation]
    rows, columns = np.nonzero(turned)
    train = {Path(n).stem[-2:]: (s, i) for s in drawn.listed().splits.values() for i, n in enumerate(s.names)}
    listing, i = train["03"]
    instances = listing.annotations
    assert instances.sizes[i].tolist() == [W, H]
    box = instances.boxes[int(instances.starts[i]) + 1].tolist()
    assert box == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert f"8 images are turned by EXIF (orientation {orientation}) and were labelled unturned" in drawn.heard


def test_images_turned_by_exif_that_were_labelled_as_they_are_seen(drawn: Drawn) -> None:
    """Only width and height in the annotations are those of the stored pixels."""
    drawn.size, drawn.exif = (H, W), 6
    drawn.make(images(lambda e, _: e.update(width=H, height=W)))
    drawn.check()
    assert "12 images of another size than their annotations say, whose boxes fit as they are" in drawn.heard


def untold(content: Content, split: str) -> None:
    for entry in content["images"]:
        del entry["width"], entry["height"]


def upright(content: Content, split: str) -> None:
    for entry in content["images"]:
        entry |= {"width": H, "height": W}


def y_first(content: Content, split: str) -> None:
    for entry in content["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["bbox"] = [y, x, h, w]


def y_first_corners(content: Content, split: str) -> None:
    untold(content, split)
    for entry in content["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["bbox"] = [y, x, y + h, x + w]


ELSE = "else write the boxes as [x, y, width, height] in pixels of the images as they are seen"
BY_EXIF = (
    "8 images are turned by EXIF, which may not have been heeded when they were labelled: then write the width and "
    f"height of the unturned images, {ELSE}"
)
UNTOLD = f"8 images, whose width and height are not told, may have been turned since: then turn the images back, {ELSE}"
TOLD = (
    "the images, and width and height with them, may have been turned since they were labelled: then turn the images "
    f"back, {ELSE}"
)


@pytest.mark.parametrize(
    ("size", "exif", "edit", "reading", "why"),
    [
        ((W, H), 6, untold, "y before x, [y, x, height, width]", BY_EXIF),
        ((W, H), 8, upright, "y before x, [y, x, height, width]", BY_EXIF),
        ((H, W), 1, untold, "y before x, [y, x, height, width]", UNTOLD),
        ((W, H), 1, y_first, "y before x, [y, x, height, width]", TOLD),
        ((W, H), 1, y_first_corners, "both corners with y before x, [y1, x1, y2, x2]", UNTOLD),
    ],
    ids=["exif", "exif-told-upright", "turned", "y-first", "corners"],
)
def test_boxes_of_turned_images_are_not_read_as_y_first(
    drawn: Drawn, size: tuple[int, int], exif: int, edit: Edit, reading: str, why: str
) -> None:
    drawn.size, drawn.exif = size, exif
    drawn.make(edit)
    names = "d/annotations/instances_train.json, d/annotations/instances_val.json"
    why = why.replace("8 images", "12 images")  # a reading of all files comes first
    said, _, end = drawn.refusal().partition(" of 24 boxes stand out of their images as [x, y, width, height]; ")
    assert said.startswith(f"{names}: ")
    assert end == f"they may be written as {reading}, or {why}"


def turn_by_exif(drawn: Drawn, every: int) -> None:
    """Some of the images that are drawn."""
    drawn.exif = 6
    for file in sorted((drawn.root / "images/train").iterdir())[::every]:
        drawn.draw(file)


def test_boxes_of_some_images_that_exif_turns(drawn: Drawn) -> None:
    drawn.make(untold)
    turn_by_exif(drawn, 2)
    assert drawn.refusal() == (
        "d/annotations/instances_train.json: 4 images are turned by EXIF, and their boxes lie in the unturned pixels, "
        "but 50% of them not in the turned ones; write the width and height of the unturned images, or turn the boxes "
        "with them"
    )


def test_boxes_that_fit_turned_images_and_unturned_ones_are_warned_of(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        untold(content, split)
        for entry in content["annotations"]:
            entry["bbox"] = [10 + entry["id"], 5, 60, 80]

    drawn.make(edit)
    turn_by_exif(drawn, 2)
    drawn.listed()
    assert (
        "d/annotations/instances_train.json: 4 images are turned by EXIF, and it is not told whether they were "
        "labelled so: their boxes, which fit the unturned pixels as well, are taken for those of the images as they "
        "are seen; write the width and height in which they were labelled, or store square ones turned" in drawn.heard
    )


def test_fractions_of_images_that_exif_turns_are_refused(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        untold(content, split)
        for entry in content["annotations"]:
            x, y, w, h = entry["bbox"]
            entry["bbox"] = [x / W, y / H, w / W, h / H]

    drawn.make(edit)
    turn_by_exif(drawn, 1)
    assert drawn.refusal() == (
        "d/annotations/instances_train.json: 8 images are turned by EXIF, and it is not known of which side their "
        "boxes are fractions; write them as [x, y, width, height] in pixels"
    )


def test_images_that_were_turned_and_shrunk(drawn: Drawn) -> None:
    drawn.size = (H // 2, W // 2)
    drawn.make()
    assert drawn.refusal() == (
        "d/annotations/instances_train.json: 8 of 8 images are of another size than their annotations tell (160 x 120 "
        "in the annotations, 60 x 80 in the file), and lie on the side of it; export images and annotations together "
        "again"
    )


def test_corners_on_square_images_are_told_by_their_areas(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        for image in content["images"]:
            image |= {"width": W, "height": W}
        for entry in content["annotations"]:
            x, y, w, h = entry["bbox"]
            entry |= {"area": w * h, "bbox": [x, y, x + w, y + h]}

    drawn.size = (W, W)
    drawn.make(edit)
    drawn.check()
    assert (
        "d/annotations/instances_train.json: the 16 boxes are not [x, y, width, height] in pixels but pixels, as both "
        "corners, [x1, y1, x2, y2]: read so, as this gives the areas that the file tells; that x is first is taken for "
        "granted, as both orders fit" in drawn.heard
    )


def test_entries_that_say_the_same_or_nothing(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        first = content["images"][0]
        content["images"] += [first, {**first, "id": 100 if split == "train" else 200}]
        content["annotations"][1]["image_id"] = content["images"][-1]["id"]
        content["annotations"].append({"id": 7_000, "image_id": 9_999, "category_id": 1, "bbox": [1, 1, 5, 5]})

    drawn.make(edit)
    drawn.check()
    file = "d/annotations/instances_train.json: "
    assert f"{file}1 images that are listed twice (é 00.png)" in drawn.heard
    assert f"{file}1 images that are listed under two ids, whose annotations are joined (é 00.png)" in drawn.heard
    assert f"{file}1 annotations of images that are not listed left out (annotation 7000: image_id 9999)" in drawn.heard


def categories(train: list[tuple[Any, str]], val: list[tuple[Any, str]]) -> Edit:
    """Replace the categories; annotations follow by name, apart from spaces and accents."""

    def edit(content: Content, split: str) -> None:
        wanted = train if split == "train" else val
        content["categories"] = [{"id": of, "name": name} for of, name in wanted]
        ids = {name.replace("\u200b", "").strip(): of for of, name in wanted}
        kept = [(e, ("cat", "dog")[e["category_id"] - 1]) for e in content["annotations"]]
        content["annotations"] = [{**e, "category_id": ids[name]} for e, name in kept if name in ids]

    return edit


PLAIN = [(1, "cat"), (2, "dog")]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (categories(PLAIN, PLAIN[::-1]), ""),
        (
            categories(PLAIN, [(11, "cat"), (12, "dog")]),
            "other ids than in d/annotations/instances_train.json for cat, dog",
        ),
        (categories(PLAIN, [(2, "cat"), (1, "dog")]), "for cat, dog: read by name"),
        (categories(PLAIN, [("1", "cat"), ("2", "dog")]), "for cat, dog: read by name"),
        (categories(PLAIN, [(1, "cat "), (2, "dog")]), ""),
        (categories(PLAIN, [(1, "ca\u200bt "), (2, "dog")]), ""),
        (categories([(0, "Background"), *PLAIN], [(0, "Background"), *PLAIN]), "Background: the background, left out"),
        (categories([(0, "__background__"), *PLAIN], PLAIN), "__background__: the background, left out"),
    ],
)
def test_classes_are_those_of_the_names(drawn: Drawn, edit: Edit, said: str) -> None:
    drawn.make(edit)
    drawn.check()
    assert said in drawn.heard if said else drawn.said == []


def test_classes_that_look_alike_are_warned_of(drawn: Drawn) -> None:
    drawn.make(categories([*PLAIN, (3, "Cat")], PLAIN))
    assert drawn.listed().splits["test"].class_names == ("cat", "dog", "Cat")
    assert (
        "d/annotations/instances_train.json: categories: classes that differ only in case or leading zeros are taken "
        "for different ones ('cat' and 'Cat'); where they are one, write them alike" in drawn.heard
    )


def test_a_split_may_list_only_the_categories_it_has(drawn: Drawn) -> None:
    drawn.make(categories(PLAIN, [(1, "dog")]))
    listed = drawn.listed()
    assert listed.splits["test"].class_names == ("cat", "dog")
    assert listed.splits["test"].annotations.labels.tolist() == [1, 1, 1, 1]
    assert "instances_val.json: lists 1 of the 2 categories of d/annotations/instances_train.json" in drawn.heard


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            categories(PLAIN, [(1, "Cat"), (2, "dog")]),
            "(here alone: Cat; there alone: cat; of Cat only the capitals differ)",
        ),
        (categories(PLAIN, [(1, "cat"), (2, "dog"), (3, "owl")]), None),
        (
            categories([(1, "cat"), (4, "owl")], PLAIN),
            "(here alone: dog; there alone: owl); give all splits the same names",
        ),
        (
            boxes(lambda b: [0.4 + b[0] / 1e4, 0.4, 0.3, 0.3]),
            "fractions (none above 0.409), and lie in their images as [x, y, width, height] and as the centre and",
        ),
        (
            boxes(lambda b: [9 * v for v in b]),
            "boxes lie for the most part outside of their images (such as [27, 18, 333, ",
        ),
        (
            boxes(lambda b: [b[0], b[1], -b[2], b[3]]),
            "has a negative width or height; and 13 more; correct or remove them",
        ),
        (boxes(lambda b: [*b, 45]), "45]; wanted is [x, y, width, height] in pixels; and 13 more"),
        (boxes(lambda b: ["nan", *b[1:]]), "bbox ['nan', 2, 37, 28]; wanted is [x, y, width, height] in pixels"),
        (boxes(lambda _: None), "bbox None; wanted is [x, y, width, height] in pixels"),
        (
            annotations(lambda e: e.update(bbox=[], segmentation=[[1, 1]])),
            "a segmentation [[1, 1]] without a box around it",
        ),
        (
            annotations(lambda e: e.update(bbox=None, segmentation={"size": [H, W], "counts": "~~"})),
            "without a box around it",
        ),
        (
            annotations(lambda e: e.update(image_id=e["image_id"] + 50)),
            "image_id 51 is not among the images; annotation 2",
        ),
        (annotations(lambda e: (e.pop("bbox"), e.update(caption="a cat"))), "holds captions of images, without boxes"),
        (annotations(lambda e: (e.pop("bbox"), e.update(segments_info=[]))), "holds panoptic segments, without boxes"),
        (lambda c, _: c.pop("annotations"), "instances_train.json: no list 'annotations' of objects"),
    ],
)
def test_what_has_no_reading_or_two_is_refused_with_the_truth(drawn: Drawn, edit: Edit, message: str | None) -> None:
    drawn.make(edit)
    if message is None:  # val has a class more: it is there
        assert drawn.listed().splits["train"].class_names == ("cat", "dog", "owl")
    else:
        assert message in drawn.refusal()


@pytest.mark.parametrize(
    ("size", "told", "message"),
    [
        (
            (H, W),
            None,
            "8 images are turned to the side of what their annotations tell, and boxes lie in them as they were",
        ),
        (
            (64, 64),
            (300, 200),
            "by factors from 0.213 to 0.533, across and down by different ones; it is not known whether",
        ),
        ((144, 108), (W, H), "and the 6 boxes fit both; correct width and height in the file, or the boxes"),
    ],
)
def test_sizes_that_do_not_tell_where_the_boxes_are(
    drawn: Drawn, size: tuple[int, int], told: tuple[int, int] | None, message: str
) -> None:
    def edit(content: Content, split: str) -> None:
        if told is None:
            return
        for image in content["images"][1::2]:
            image |= {"width": told[0], "height": told[1]}
        if told == (W, H):  # few boxes, all in the upper left
            content["annotations"] = [e for e in content["annotations"] if e["category_id"] == 1][:6]

    drawn.size = size
    drawn.make(edit)
    assert message in drawn.refusal()


def test_boxes_that_all_lie_in_one_corner_are_said(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        entries = content["annotations"]
        content["annotations"] = [
            {**entry, "id": f"{entry['id']}-{k}", "bbox": [entry["bbox"][0] / 3 + k, 2, 9, 9]}
            for entry in entries
            for k in range(8)
        ]

    drawn.make(edit)
    drawn.listed()
    assert "instances_train.json: all 128 boxes lie in the upper left part of their images (" in drawn.heard


@pytest.mark.parametrize("kind", ["link", "pipe", "gone"])
def test_what_is_no_file_counts_as_unreadable_for_its_true_reason(drawn: Drawn, kind: str) -> None:
    drawn.make()
    image = drawn.root / "images/train/é 00.png"
    image.unlink()
    if kind == "link":
        image.symlink_to("elsewhere.png")
    elif kind == "pipe":
        os.mkfifo(image)
    reason = {"link": "a link to elsewhere.png, which is not there", "gone": "No such file or directory"}.get(kind)
    message = drawn.refusal()
    assert message.startswith("d/images/train/é 00.png: ")
    assert reason is None or reason in message
    listed = drawn.listed(max_unreadable=1)
    assert list(listed.unreadable) == ["images/train/é 00.png"]
    inventory = listed.inventory
    assert inventory is not None
    assert len(inventory.read["images"]) == 11
    left = [name for names in inventory.left_out.values() for name in names]
    assert left == ([] if kind == "gone" else ["images/train/é 00.png"])


def test_coco_given_to_the_reader_of_yolo_is_called_so(drawn: Drawn) -> None:
    drawn.make()

    def refusal() -> str:
        values = {**data_values("yolo"), "root": str(drawn.root)}
        with pytest.raises(DataError) as caught:
            list_splits(InstanceDataConfig.model_validate(values), hearing(drawn.said))
        return str(caught.value)

    assert refusal() == f"{drawn.root}: not a YOLO folder but COCO annotations; use data=coco"
    (drawn.root / "data.yaml").write_text("names: [cat]\ntrain: absent\n")  # it is meant for YOLO, and at fault
    assert "not a YOLO folder" not in refusal()


def test_every_other_file_is_accounted_for(drawn: Drawn) -> None:
    drawn.make()
    drawn.draw(drawn.root / "images/train/extra.png")
    (drawn.root / "images/train/twin").write_bytes((drawn.root / "images/train/extra.png").read_bytes())
    for name in ("notes.txt", ".DS_Store", "annotations/captions_train.json", "annotations/other.json"):
        (drawn.root / name).write_text("{}")
    inventory = drawn.listed().inventory
    assert inventory is not None
    assert {kind: len(names) for kind, names in inventory.read.items()} == {"images": 12, "annotation files": 2}
    assert dict(inventory.left_out) == {
        "image that the annotations do not list": ("images/train/extra.png", "images/train/twin"),
        "hidden": (".DS_Store",),
        "annotations of another kind than boxes": ("annotations/captions_train.json",),
        "JSON that is called after no split": ("annotations/other.json",),
        "other ending (.txt)": ("notes.txt",),
    }


@pytest.mark.parametrize("none", ["0", "false", "No", "n", 0.0, False, None])
def test_a_crowd_is_told_by_one_however_it_is_written(drawn: Drawn, none: object) -> None:
    drawn.make(annotations(lambda e: e.update(iscrowd=none)))
    drawn.check()
    assert drawn.said == []
    drawn.make(annotations(lambda e: e.update(iscrowd="1" if e["category_id"] == 2 else none)))
    found = [each.annotations for each in drawn.listed().splits.values()]
    assert sum(len(each.labels) for each in found) == 12
    assert sum(len(each.crowds) for each in found if each.crowds is not None) == 12


def test_a_crowd_that_is_neither_is_refused(drawn: Drawn) -> None:
    drawn.make(annotations(lambda e: e.update(iscrowd="maybe" if e["id"] == 3 else 0)))
    assert drawn.refusal() == (
        "d/annotations/instances_train.json: 1 entry is wrong: annotation 3: iscrowd 'maybe'; wanted is 0 (an object) "
        "or 1 (a crowd); correct or remove them"
    )


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            boxes(lambda b: [b[1] / H, b[0] / W, (b[1] + b[3]) / H, (b[0] + b[2]) / W]),
            "as both corners, [x1, y1, x2, y2] and as both corners with y before x, [y1, x1, y2, x2]; write them",
        ),
        (boxes(lambda b: [100 * b[0] / W / 10, 100 * b[1] / H / 10, 30.5, 30.5]), None),
        (
            lambda c, _: [
                e.update(bbox=[b[0], b[1], b[0] + b[2], b[1] + b[3]])
                for e in c["annotations"][1::4]
                for b in [e["bbox"]]
            ],
            "instances_train.json: 4 of 16 boxes reach out of their images (such as [90, 60, 140, 108] in 160 x 120 "
            "pixels); a part may be written otherwise than",
        ),
    ],
    ids=["corner-fractions", "small", "half"],
)
def test_several_readings_and_mixed_ones_are_refused(drawn: Drawn, edit: Edit, said: str | None) -> None:
    drawn.make(edit)
    if said is None:
        drawn.listed()
        assert "per cent" not in drawn.heard
    else:
        assert said in drawn.refusal()


def test_boxes_of_whole_objects_that_the_edge_cuts_are_cut_there_too(drawn: Drawn) -> None:
    """Amodal: they reach out at all sides, which boxes that are written otherwise do not."""

    def edit(content: Content, split: str) -> None:
        for n, entry in enumerate(content["annotations"]):
            if n % 4 < 2:
                entry["bbox"] = [[-20, 10, 60, 40], [120, -15, 70, 50]][n % 4]

    drawn.make(edit)
    listing = drawn.listed().splits["train"]
    assert {tuple(box) for box in listing.annotations.boxes.tolist()} >= {(0, 10, 40, 50), (120, 0, 160, 35)}
    assert (
        "instances_train.json: 8 of 16 boxes reach out of their images, 8 to the left or up and 4 to the right"
        in drawn.heard
    )


@pytest.mark.parametrize("box", [[-20, 10, 60, 40], [120, 60, 70, 40]], ids=["left", "right"])
def test_boxes_that_reach_out_on_one_side_alone_are_refused(drawn: Drawn, box: list[int]) -> None:
    def edit(content: Content, split: str) -> None:
        for entry in content["annotations"][::4]:
            entry["bbox"] = box

    drawn.make(edit)
    assert f"instances_train.json: 4 of 16 boxes reach out of their images (such as {box} in 160 x" in drawn.refusal()


def test_per_cent_are_not_read_as_pixels(drawn: Drawn) -> None:
    drawn.size = (640, 480)

    def edit(content: Content, split: str) -> None:
        for entry in content["annotations"]:
            x, y, w, h = entry["bbox"]
            entry["bbox"] = [100 * x / W, 100 * y / H, 100 * w / W, 100 * h / H]
        for image in content["images"]:
            image |= {"width": 640, "height": 480}

    drawn.make(edit)
    message = drawn.refusal()
    assert ": of 24 boxes no number is above 58.33, in images of up to 640 x 480 pixels: they are per cent" in message


def test_a_file_whose_images_are_beside_its_folder(drawn: Drawn) -> None:
    drawn.make()
    listed = drawn.listed(root=str(drawn.root / "annotations/instances_train.json"))
    assert sum(len(each.names) for each in listed.splits.values()) == 8
    assert listed.inventory is not None
    assert len(listed.inventory.read["images"]) == 8


def test_boxes_of_which_a_part_was_scaled_already_are_refused(drawn: Drawn) -> None:
    def edit(content: Content, split: str) -> None:
        for entry in content["annotations"]:
            if entry["image_id"] % 4:
                entry["bbox"] = [v / 2 for v in entry["bbox"]]

    drawn.size = (W // 2, H // 2)
    drawn.make(edit)
    assert "all boxes of 6 of them fit the file as they are (by chance about 0 would)" in drawn.refusal()
