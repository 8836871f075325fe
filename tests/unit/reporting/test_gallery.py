"""Images in a report: those that runs left, within what a page may weigh."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.unit.reporting.conftest import runs
from tlbench.metrics.per_image import Details
from tlbench.pictures.sheet import Tile
from tlbench.records.arrays import read_arrays, write_arrays
from tlbench.records.record import read_record, write_record
from tlbench.records.thumbnails import write_thumbnails
from tlbench.reporting.gallery import Weight, apart, batch, examples, kept_images
from tlbench.reporting.looked_at import disagreement

PAIR = SimpleNamespace(arm="tin200", baseline="random")
GREY = np.full((8, 8, 3), 128, np.uint8)
# right or wrong on each of four images, by arm and seed
RIGHT = {"tin200": [[1, 1, 0, 1], [1, 1, 0, 1]], "random": [[1, 0, 1, 0], [1, 0, 1, 1]]}


@pytest.fixture
def left() -> dict[str, list]:
    """Records by arm, with thumbnails of images 1 and 2 (tin200) and of 2 and 3 (random)."""
    found: dict[str, list] = {"tin200": [], "random": []}
    for record in runs():
        if record.seed == 2:
            continue
        folder = Path(record.arm, str(record.seed))
        folder.mkdir(parents=True)
        positions = (1, 2) if record.arm == "tin200" else (2, 3)
        names = [f"{i}.png" for i in range(4)]
        file = write_thumbnails(folder, "test", {i: Tile(GREY) for i in positions}, names, drawn=False)
        write_record(folder, record.model_copy(update={"sidecars": {"thumbnails_test": file}}))
        found[record.arm].append(read_record(folder))
    return found


def details() -> dict:
    return {
        (arm, seed): Details(np.array(right, float), lambda i, arm=arm: f"{arm} {i}", lambda i: f"class {i}")
        for arm, of in RIGHT.items()
        for seed, right in enumerate(of)
    }


def found_by(left, weight: Weight):
    known = details()
    between = disagreement(known, dict.fromkeys(known, "x"), PAIR)
    assert between is not None
    return apart(between, PAIR, known, kept_images([*left["tin200"], *left["random"]]), weight)


def test_images_on_which_arms_differ_are_shown_with_what_each_found(left) -> None:
    shown = found_by(left, Weight())
    assert shown.said.startswith("Of 4 test images tin200 did better on 2 and random on 1, on average over 2 seeds;")
    assert [image.name for image in shown.better] == ["1.png", "3.png"]
    assert [image.name for image in shown.worse] == ["2.png"]
    first = shown.better[0]
    assert first.lines == (
        "true: class 1",
        "tin200: tin200\u00a01, tin200\u00a01",
        "random: random\u00a01, random\u00a01",
    )
    ((source, whose),) = first.sources
    assert not whose
    assert base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))[:2] == b"\xff\xd8"


def test_no_more_images_are_shown_than_a_page_may_weigh(left) -> None:
    one = len(kept_images(left["tin200"])["tin200", 0].jpeg(1))
    shown = found_by(left, Weight(2 * one))  # a half for each arm's
    assert ([i.name for i in shown.better], [i.name for i in shown.worse]) == (["1.png"], ["2.png"])
    assert shown.said.endswith("Shown are 1 and 1 of them, of those that runs kept.")
    assert found_by(left, Weight(2 * one - 2)).better == ()


def test_what_is_drawn_on_is_shown_of_both_arms(left) -> None:
    for arm, records in left.items():
        for record in records:
            tiles = {i: Tile(GREY) for i in ((1, 2) if arm == "tin200" else (2, 3))}
            write_thumbnails(record.folder, "test", tiles, None, drawn=True, legend="solid: found")
    shown = found_by(left, Weight())
    assert shown.legend == "solid: found"
    assert (list(shown.better), [image.name for image in shown.worse]) == ([], ["image 2"])
    assert [whose for _, whose in shown.worse[0].sources] == ["tin200, seed 0", "random, seed 0"]


def test_links_are_not_followed(left) -> None:
    folder = left["tin200"][0].folder
    (folder / "thumbnails_test.npz").rename("elsewhere.npz")
    (folder / "thumbnails_test.npz").symlink_to(Path("elsewhere.npz").absolute())
    Image.fromarray(GREY).save("private.png")
    (folder / "batch.png").symlink_to(Path("private.png").absolute())
    left["tin200"][0].sidecars |= {"training_batch": "batch.png"}
    assert list(kept_images(left["tin200"])) == [("tin200", 1)]
    assert batch(left["tin200"][:1], Weight()) is None


def test_arrays_of_another_shape_count_as_none(left) -> None:
    path = left["tin200"][0].folder / "thumbnails_test.npz"
    arrays = read_arrays(path)
    for image in (arrays["image"][:, None], np.array(3)):
        write_arrays(path, {**arrays, "image": image})
        assert list(kept_images(left["tin200"])) == [("tin200", 1)]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_file_that_is_gone_or_damaged_counts_as_none(left, content) -> None:
    path = left["tin200"][0].folder / "thumbnails_test.npz"
    path.unlink() if content is None else path.write_bytes(content)
    assert list(kept_images(left["tin200"])) == [("tin200", 1)]


def test_examples_and_the_batch_are_those_of_the_first_run_that_has_some(left) -> None:
    record = left["tin200"][1]
    assert examples(left["tin200"], Weight()) is None
    file = write_thumbnails(record.folder, "train", {5: Tile(GREY)}, None, drawn=False, labels={5: "ant"})
    Image.fromarray(np.full((40, 2400, 3), 200, np.uint8)).save(record.folder / "batch.png")
    record.sidecars |= {"thumbnails_train": file, "training_batch": "batch.png"}
    found = examples(left["tin200"], Weight())
    assert found is not None
    assert [(image.name, image.lines) for image in found.images] == [("image 5", ("ant",))]
    source = batch(left["tin200"], Weight())
    assert source is not None
    content = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    Path("batch.jpg").write_bytes(content)
    assert Image.open("batch.jpg").size == (1200, 20)
    assert batch(left["tin200"], Weight(10)) is None
    (record.folder / "batch.png").write_bytes(content[:100])
    assert batch(left["tin200"], Weight()) is None
