"""The block that says what was read: short whatever the data are, and silent about nothing."""

from __future__ import annotations

from tlbench.data.was_read import (
    FilesRead,
    ImagesRead,
    LeftOut,
    ObjectsRead,
    PixelsRead,
    SplitRead,
    WasRead,
    lines,
)

BIRDS = WasRead(
    task="classification",
    data="image_folder",
    splits={
        "train": SplitRead(images=1400, origin="the rest of all images", classes={"crow": 900, "finch": 500}),
        "test": SplitRead(images=1, origin="the folder's test", classes={"crow": 1, "finch": 0}),
        "val": SplitRead(
            images=100, origin="carved out of the folder's train, stratified", classes={"crow": 60, "finch": 40}
        ),
    },
    files=FilesRead(
        root="birds",
        read={"images": 1501},
        left_out={
            "other ending (.txt)": LeftOut(count=2, examples=["a.txt", "b.txt"]),
            "hidden": LeftOut(count=1, examples=[".DS_Store"]),
        },
    ),
    images=ImagesRead(
        smallest=(20, 30),
        median=(480, 640),
        largest=(3000, 4000),
        grey=150,
        pixels={
            "8 bits": PixelsRead(images=1500, lowest=0, highest=255),
            "16 bits": PixelsRead(images=1, lowest=12, highest=4080, scaled_by=(0, 4095)),
        },
    ),
)


def test_the_block_names_classes_splits_images_and_files() -> None:
    assert lines(BIRDS) == [
        "read      classification: image_folder, 1,501 images of birds, 2 classes (crow, finch)",
        "  train   1,400 images, the rest of all images; crow 900, finch 500",
        "  val     100 images, carved out of the folder's train, stratified; crow 60, finch 40",
        "  test    1 image, the folder's test; crow 1, finch 0",
        "  images  20 × 30 to 3,000 × 4,000, median 480 × 640 (height × width); 10 % grey; 1,500 of 1,501 of 8 bits, "
        "values 0 to 255; 1 of 1,501 of 16 bits, values 12 to 4080, scaled from 0 … 4095",
        "  files   read 1,501 images; left out 3: 2 × other ending (.txt) (a.txt, …); 1 × hidden (.DS_Store)",
    ]


def test_many_classes_are_told_by_the_fewest_and_the_most() -> None:
    classes = {f"class {i}": i for i in range(1000)}
    read = WasRead(
        task="classification",
        data="image_csv",
        splits={"train": SplitRead(images=499500, origin="all", classes=classes)},
    )
    assert lines(read)[0].endswith("1,000 classes (class 0, class 1, class 2, class 3, class 4, class 5, …)")
    assert lines(read)[1] == (
        "  train  499,500 images, all; 1 to 999 a class (fewest class 1, most class 999); 1 without any (class 0)"
    )


def test_objects_and_images_without_any_are_told() -> None:
    read = WasRead(
        task="detection",
        data="yolo",
        splits={"train": SplitRead(images=10, origin="the folder's train", classes={"stamp": 14})},
        objects=ObjectsRead(
            count=14,
            an_image=1.4,
            median_side=212.4,
            median_side_in_network=17.6,
            images_without=3,
            images_without_labels=2,
        ),
    )
    assert lines(read)[1:] == [
        "  train    10 images, the folder's train; objects: stamp 14",
        "  objects  14, 1.4 an image; median side 212 pixels, 18 in the network; 3 images of 10 without any, 2 of them "
        "without labels",
    ]


def test_more_reasons_than_fit_are_summed_up() -> None:
    left_out = {f"reason {i}": LeftOut(count=10 - i, examples=[f"{i}.x"]) for i in range(6)}
    read = BIRDS.model_copy(update={"files": FilesRead(root=".", read={"images": 1}, left_out=left_out)})
    assert lines(read)[-1].endswith("; 7 × reason 3 (3.x, …); 11 for 2 other reasons")


def test_names_cannot_break_the_block() -> None:
    read = WasRead(
        task="classification",
        data="image_folder",
        splits={"train": SplitRead(images=2, origin="all", classes={"a\nb": 1, "\x1b[2J": 1})},
    )
    assert lines(read)[1] == r"  train  2 images, all; a\nb 1, \x1b[2J 1"
