"""`data=module`, for labels and for class maps, and `data=box_module`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import call, train
from tests.contract.subjects import SEMANTIC_SEGMENTATION
from tests.detecting import QUIET, draw_yolo
from tests.doors.conftest import Ran, same_weights
from tests.resuming import stop_at
from tlbench.annotations.maps.options import problems
from tlbench.data.open import open_target
from tlbench.errors import UserError
from tlbench.tasks.base import Task

LABELS = {"import_path": "mine.data:Folder", "arguments": {"root": "images"}, "image_size": 16, "val_fraction": 0.2}


@pytest.fixture
def images(draw_tree) -> Path:
    draw_tree(Path("images"), {"cat": 10, "dog": 10}, size=(20, 30))
    return Path("images")


def pixels_and_labels(target, split: str) -> tuple[Any, ...]:
    samples = target.splits[split]
    return samples.images, samples.labels


@pytest.mark.promise("data by code")
@pytest.mark.parametrize("pixels", [False, True])
def test_images_given_by_code_are_those_of_the_folder(pixels, data_config, images):
    drawn = {"draw": "position"}  # by identity paths are drawn, and those of the code are whole
    folder = open_target(data_config("image_folder", root="images", image_size=16, val_fraction=0.2, **drawn), 0)
    given = {**LABELS, "arguments": {"root": "images", "pixels": pixels}}
    own = open_target(data_config("module", **given, **drawn), 0)
    assert own.class_names == folder.class_names == ("cat", "dog")
    for split, samples in folder.splits.items():
        ours = own.splits[split]
        assert torch.equal(ours.labels, samples.labels)
        assert torch.equal(ours.images, samples.images)
        assert ours.fingerprint() == samples.fingerprint()


@pytest.mark.promise("data by code")
def test_splits_that_it_gives_are_kept(data_config, draw_tree):
    for split, count in {"train": 10, "val": 3, "test": 4}.items():
        draw_tree(Path("split", split), {"cat": count, "dog": count})
    values = {**LABELS, "import_path": "mine.data:splits", "arguments": {"root": "split"}}
    target = open_target(data_config("module", **values), 0)
    assert {split: len(samples) for split, samples in target.splits.items()} == {"train": 20, "val": 6, "test": 8}


@pytest.mark.promise("data by code")
@pytest.mark.parametrize("pixels", [False, True])
def test_boxes_given_by_code_are_those_of_yolo(pixels, boxes_config):
    draw_yolo(Path("own"), mess=False)
    options = {"image_size": 64, "val_fraction": 0.25, "draw": "position"}  # by identity paths and pixels are drawn
    yolo = open_target(boxes_config("yolo", root="own", **options), 0)
    given = {"import_path": "mine.data:photos_with_boxes", "arguments": {"root": "own", "pixels": pixels}}
    own = open_target(boxes_config("box_module", **given, **options), 0)
    assert own.class_names == yolo.class_names == ("stamp", "photo")
    for split, samples in yolo.splits.items():
        ours = own.splits[split]
        assert torch.equal(ours.images, samples.images)
        assert torch.equal(ours.annotations.labels, samples.annotations.labels)
        torch.testing.assert_close(ours.annotations.boxes, samples.annotations.boxes, rtol=0, atol=1e-4)


@pytest.mark.promise("data by code")
@pytest.mark.parametrize("form", ["paths", "pil", "palettes", "arrays", "tensors"])
@pytest.mark.parametrize("changes", [{}, {"classes": ["light", "dark"]}, {"ignored_classes": ["dark"]}])
def test_masks_given_by_code_are_those_of_the_folder(form, changes, maps_config):
    SEMANTIC_SEGMENTATION.draw(Path("own"))
    folder = open_target(maps_config("masks", root="own", image_size=[32, 48], **changes), 0)
    given = {"import_path": "mine.masks:streets", "arguments": {"root": "own", "form": form}}
    own = open_target(maps_config("module", **given, image_size=[32, 48], **changes), 0)
    assert own.class_names == folder.class_names
    for split, samples in folder.splits.items():
        ours = own.splits[split]
        assert torch.equal(ours.images, samples.images)
        for i in range(len(samples)):
            assert (ours.annotations.unpacked(i) == samples.annotations.unpacked(i)).all()
            assert (ours.annotations.plane(i, (32, 48)) == samples.annotations.plane(i, (32, 48))).all()
        assert form != "paths" or ours.fingerprint() == samples.fingerprint()


@pytest.mark.parametrize("form", ["paths", "arrays"])
def test_images_with_masks_keep_their_own_sizes_where_they_are_tiled(form, maps_config):
    SEMANTIC_SEGMENTATION.draw(Path("own"))
    folder = open_target(maps_config("masks", root="own", image_size=64, native=True), 0)
    given = {"import_path": "mine.masks:streets", "arguments": {"root": "own", "form": form}}
    own = open_target(maps_config("module", **given, image_size=64, native=True), 0)
    for split, samples in folder.splits.items():
        ours = own.splits[split]
        assert torch.equal(ours.images, samples.images)
        assert torch.equal(ours.annotations.inside, samples.annotations.inside)
        for i in range(len(samples)):
            assert (ours.annotations.unpacked(i) == samples.annotations.unpacked(i)).all()


@pytest.mark.parametrize(
    ("arguments", "changes", "names", "count"),
    [
        ({}, {}, ("background", "foreground"), [520, 80]),
        ({"high": 255}, {}, ("background", "foreground"), [520, 80]),
        ({"low": 2, "high": 1, "shift": 2}, {"reduce_zero_label": True}, ("1", "2"), [80, 460]),
        ({"low": 1, "high": 0, "shift": 2}, {"ignore_index": 255}, ("background", "foreground"), [80, 460]),
    ],
)
def test_what_masks_without_names_hold_is_read_as_that_of_a_folder(arguments, changes, names, count, maps_config):
    given = {"import_path": "mine.masks:squares", "arguments": arguments, "image_size": 32, "test_fraction": 0.2}
    target = open_target(maps_config("module", **given, **changes), 0)
    assert target.class_names == names
    assert {split: len(samples) for split, samples in target.splits.items()} == {"train": 14, "val": 2, "test": 4}
    for samples in target.splits.values():
        assert samples.annotations.counts.tolist() == [count] * len(samples)


def test_a_part_of_the_training_images_that_are_no_files(maps_config):
    given = {"import_path": "mine.masks:squares", "image_size": 32, "fraction": 0.5}
    target = open_target(maps_config("module", **given), 0)
    assert {split: len(samples) for split, samples in target.splits.items()} == {"train": 7, "val": 2, "test": 4}
    assert target.split_rule["train"] == "the rest of all images"


@pytest.mark.promise("data by code")
@pytest.mark.slow
def test_a_run_of_masks_goes_on_and_is_evaluated_as_it_was_tested():
    SEMANTIC_SEGMENTATION.draw(Path("own"))
    small = [option for option in SEMANTIC_SEGMENTATION.quick if not option.startswith(("data=", "data.root="))]
    start = ("task=semantic_segmentation", "trainer=cpu", "source=random", "trainer.max_epochs=2", *small, *QUIET)
    given = ("data=module", "data.import_path=mine.masks:streets", "data.arguments={root: own}")
    outcome = train(*start, "data=masks", "data.root=own", "hydra.run.dir=folder")
    assert outcome.code == 0, outcome.err
    with stop_at(Task, "on_train_batch_start", 4, lambda: signal.raise_signal(signal.SIGTERM)):
        assert train(*start, *given, "hydra.run.dir=own").code == 143
    outcome = train(*start, *given, "hydra.run.dir=own")
    assert outcome.code == 0, outcome.err
    own, folder = Ran(Path("own")), Ran(Path("folder"))
    assert own.record.volatile.resumes == 1
    assert own.record.metrics == folder.record.metrics
    assert same_weights(own, folder)
    assert own.record.code.files.keys() == {"mine", "mine.masks"}
    outcome = call("evaluate", "run=own")
    assert outcome.code == 0, outcome.err
    assert "largest difference 0)" in outcome.out


@pytest.mark.promise("data by code")
def test_a_run_is_trained_evaluated_and_predicts(fit, images):
    options = ("data.image_size=16", "data.val_fraction=0.2", "data.test_fraction=0.2", "data.shots=null")
    options = (*options, "data.draw=position")
    folder = fit("folder", "data=image_folder", "data.root=images", *options)
    own = fit("own", "data=module", "data.import_path=mine.data:Folder", "data.arguments={root: images}", *options)
    assert own.record.metrics == folder.record.metrics
    assert own.record.data.fingerprints == folder.record.data.fingerprints
    assert own.record.code.files.keys() == {"mine", "mine.data", "mine.boxes"}
    assert call("evaluate", "run=own").code == 0
    assert call("predict", "run=own", "input=images", "output=out.csv").code == 0


WRONG = {
    "one class": "only 'a' in it; wanted are two classes or more",
    "no images": "train: no image in it; add some, or leave the part out",
    "no data set": "train: it is a int, no data set; wanted are len() and [i]",
    "parts": "it gives the parts 'training'; wanted are train and, if there are such, val and test",
    "no pair": "train[0]: it is a ndarray; wanted are an image and its annotation",
    "fails": "train[0]: reading it fails: KeyError: ",
    "no length": "train: its len() fails: RuntimeError: nobody knows",
    "floats": "train[0]: an array of float32; wanted is uint8",
    "a shape": "train[0]: an array of shape (2, 8, 8, 3); wanted is (H, W), (H, W, 3) or (H, W, 4)",
    "no area": "train[0]: an array of shape (0, 30, 3), without a pixel; leave it out",
    "no image": "train[0]: an image of type int; wanted is a path, a PIL image or an array",
    "mixed": "train[1]: some images are paths, others are not; give one or the other",
    "mixed parts": "some parts hold paths, others images; give one or the other",
    "classes differ": "the parts have different classes; give all the same, in the same order",
    "classes twice": "a name occurs twice in its `classes`; name each class once",
    "classes that are no names": "its `classes` hold a tuple; give the names alone, in the order of the labels",
    "a label beyond": "train[0]: label 2; wanted are numbers from 0 to 1",
    "a negative label": "label -1; wanted are numbers from 0",
    "a label of no kind": "a label of type float; wanted is a class's number or name",
    "an unknown name": "train[0]: there is no class 'emu'; the classes are cat, dog",
    "no file": "nothing/there.png",
    "names and numbers": "a label of type str; wanted is a class's number or name",
    "one string": "its `classes` are no list of names; ",
    "huge label": "label 1000000000, of which there would be 1,000,000,001 classes; ",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_data_set_is_refused(case, data_config, images):
    values = {**LABELS, "import_path": "mine.wrong_data:given", "arguments": {"case": case}}
    with pytest.raises(UserError) as caught:
        open_target(data_config("module", **values), 0)
    line = str(caught.value)
    assert WRONG[case] in line
    assert "\n" not in line
    assert line.startswith("data.import_path='mine.wrong_data:given': ") or case == "no file"  # which its path says


WRONG_BOXES = {
    "no mapping": "train[0]: its annotation is a list; wanted is a mapping of `boxes` (M, 4)",
    "no numbers": "train[0]: boxes that are no numbers (M, 4) (",
    "a side": "train[0]: boxes that are no numbers (M, 4) (",
    "count": "train[0]: 1 boxes and 2 labels; give one of each for an object",
    "width": "train[0]: box [1.0, 1.0, 1.0, 5.0], of which x2 > x1 or y2 > y1 does not hold; ",
    "nan": "of which x2 > x1 or y2 > y1 does not hold; ",
    "beyond": "train[0]: box [0.0, 0.0, 50.0, 5.0] in an image of 30×20 pixels; ",
    "label": "train[0]: label 7; wanted are numbers from 0 to 1",
    "one label": "train[0]: labels of type int; ",
}


@pytest.mark.parametrize("case", WRONG_BOXES)
@pytest.mark.parametrize("pixels", [False, True])
def test_boxes_that_are_none_are_refused(case, pixels, boxes_config, images):
    given = {"import_path": "mine.wrong_data:boxes", "arguments": {"case": case, "pixels": pixels}}
    with pytest.raises(UserError) as caught:
        open_target(boxes_config("box_module", **given, image_size=64), 0)
    assert WRONG_BOXES[case] in str(caught.value)
    assert "\n" not in str(caught.value)


WRONG_MASKS = {
    "a value beyond": "train[1]: value 7 is of no class (600 pixels, in 1 of 22 masks); there are 0 to 1, and 255 for "
    "none (data.ignore_index); if it is no class, use data.ignore_index=7",
    "a negative value": "train[1]: value -1 in 600 pixels of a mask; wanted are numbers from 0 to 65535; give pixels "
    "of no class the number that data.ignore_index says",
    "a huge value": "train[1]: value 70000 in 600 pixels of a mask; ",
    "floats": "train[1]: a mask of float32, such as 0.5; wanted is a class's number for each pixel (H, W): ",
    "half floats": "train[1]: a mask of bfloat16, such as 1.0; ",
    "colours": "train[1]: a mask of shape (20, 30, 3); wanted is a class's number for each pixel (H, W): ",
    "a PIL image in colours": "train[1]: a mask of PIL's mode RGB holds 1 colours, such as (128, 0, 0); wanted is a ",
    "a PIL image of floats": "train[1]: a mask that cannot be read: pixels of Pillow's mode F; wanted are numbers",
    "a plane a class": "train[1]: a mask of shape (2, 20, 30); ",
    "another size": "train[1]: a mask of 20 × 29 pixels, but its image has 20 × 30 (height × width); give the mask in "
    "the size of its image",
    "sideways": "train[1]: a mask of 30 × 20 pixels, but its image has 20 × 30 (height × width); ",
    "no mask": "train[1]: a mask of type list; wanted is a class's number for each pixel (H, W): ",
    "a sparse tensor": "train[1]: a mask that is a sparse_coo tensor; wanted is a class's number for each pixel ",
    "a tensor without values": "train[1]: a mask that is a meta tensor; ",
    "a file that ends too soon": "train[1]: a mask that cannot be read: ",
    "no file": "train[1]: a mask nothing/there.png that cannot be read: No such file or directory; ",
    "a file in colours": "train[1]: the mask images/dog/0.png holds 600 colours, such as (",
    "labels": "train[1]: a mask of type dict; ",
}


@pytest.mark.parametrize("case", WRONG_MASKS)
@pytest.mark.parametrize("pixels", [False, True])
def test_masks_that_are_none_are_refused(case, pixels, maps_config, images):
    given = {"import_path": "mine.wrong_data:masks", "arguments": {"case": case, "pixels": pixels}}
    Image.fromarray(np.zeros((20, 30), np.int32)).save("short.tif")
    short = Path("short.tif")
    short.write_bytes(short.read_bytes()[:-900])
    with pytest.raises(UserError) as caught:
        open_target(maps_config("module", **given, image_size=32), 0)
    line = str(caught.value)
    assert line.startswith(f"data.import_path='mine.wrong_data:masks': {WRONG_MASKS[case]}")
    assert "\n" not in line


def test_numbers_of_masks_that_nothing_names_are_to_be_named_in_the_code(maps_config):
    given = {"import_path": "mine.masks:squares", "arguments": {"high": 90}, "image_size": 32}
    with pytest.raises(UserError) as caught:
        open_target(maps_config("module", **given), 0)
    assert str(caught.value) == (
        "data.import_path='mine.masks:squares': no class names, and masks hold 0, 90; say what these are: in `classes` "
        "of what the code gives, the name of 0 first"
    )


def test_what_masks_by_code_cannot_be_asked_for(maps_config):
    asked = maps_config("module", import_path="m:masks", background="background", palette="voc")
    assert problems(asked, None) == [
        "data.background=background: masks say of each pixel what it is; use null, or name the class among the masks' "
        "classes",
        "data.palette=voc: module says itself what its classes are; use null",
    ]


def test_images_that_are_no_files_cannot_be_decoded_in_each_epoch(data_config, images):
    values = {**LABELS, "arguments": {"root": "images", "pixels": True}, "cache": "none"}
    with pytest.raises(UserError, match=r"data\.cache=none: it gives images, not files"):
        open_target(data_config("module", **values), 0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("data=module",), "data.import_path=null: name what gives the data as package.module:Name"),
        (("data=module", "data.import_path=mine"), "data.import_path='mine': name what gives the data"),
        (
            ("data=digits", "+data.import_path=mine.data:Folder"),
            "data.import_path='mine.data:Folder': data=digits are not given by code; use data=module or the like",
        ),
        (("data=module", "data.import_path=mine.data:Folder", "data.root=images"), "data.root"),
        (("data=module", "data.import_path=mine.data:Folder", "data.arguments={root: no}"), "FileNotFoundError"),
    ],
)
def test_what_names_no_data_is_refused(given, says, refused):
    line = refused(*given)
    assert says in line
