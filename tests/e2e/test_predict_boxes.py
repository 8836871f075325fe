"""`tlbench.predict` and `tlbench.load` on a detection run: the boxes of the run's own test, as files and pictures."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlbench
from tests.commands import call, snapshot, train
from tests.conftest import isolate
from tlbench.errors import ConfigError

ROTATED = 3
"""The test image that is stored on its side, with EXIF's orientation 6."""


def draw_page(path: Path, size: tuple[int, int], seed: int, **options) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A detector after one epoch: `run`, and below `data` the YOLO folder it was trained on; do not write there."""
    folder = tmp_path_factory.mktemp("boxes")
    for split, count in (("train", 4), ("val", 2), ("test", 5)):
        for i in range(count):
            exif = Image.Exif()
            if split == "test" and i == ROTATED:
                exif[0x0112] = 6
            path = folder / "data" / "images" / split / f"{i}.jpg"
            draw_page(path, (90 + 31 * i, 160 - 17 * i), seed=100 * count + i, exif=exif)
            label = folder / "data" / "labels" / split / f"{i}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{i % 2} 0.5 0.4 0.3 0.5\n")
    (folder / "data" / "data.yaml").write_text(
        "train: images/train\nval: images/val\ntest: images/test\nnames: [stamp, signature]\n"
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        outcome = train(
            *("task=detection", "data=yolo", f"data.root={folder / 'data'}", "data.image_size=64", "data.batch_size=2"),
            *("source=random", "trainer=cpu", "trainer.max_epochs=1", "logger.tensorboard=false"),
            f"hydra.run.dir={folder / 'run'}",
        )
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture
def run(trained) -> str:
    return f"run={trained / 'run'}"


@pytest.fixture
def images(trained) -> Path:
    return trained / "data" / "images" / "test"


@pytest.fixture
def recorded(trained) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """File name → boxes, scores and labels that the run's own test found."""
    with np.load(trained / "run" / "predictions_test.npz") as kept:
        ends = np.cumsum(kept["count"])[:-1]
        parts = zip(*(np.split(kept[key], ends) for key in ("boxes", "scores", "labels")), strict=True)
        return {Path(str(name)).name: each for name, each in zip(kept["names"], parts, strict=True)}


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.promise("detection tools")
def test_predict_gives_the_boxes_of_the_runs_own_test(run, images, recorded):
    outcome = call("predict", run, f"input={images}", "confidence=0", "output=boxes.jsonl")
    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    lines = lines_of(Path("boxes.jsonl").read_text())
    count = sum(len(line["detections"]) for line in lines)
    assert count > 5
    assert outcome.one_line() == f"5 images searched, {count} objects found (confidence ≥ 0): boxes.jsonl"
    assert [line["file"] for line in lines] == [str(images / f"{i}.jpg") for i in range(5)]
    for i, line in enumerate(lines):
        boxes, scores, labels = recorded[f"{i}.jpg"]
        found = line["detections"]
        np.testing.assert_allclose([each["box"] for each in found], boxes, atol=1e-3)
        np.testing.assert_allclose([each["confidence"] for each in found], scores, atol=1e-6)
        assert [each["label"] for each in found] == labels.tolist()
        assert [each["class"] for each in found] == [("stamp", "signature")[label] for label in labels]
        size = (90 + 31 * i, 160 - 17 * i)
        assert (line["width"], line["height"]) == (size[::-1] if i == ROTATED else size)
    rows = list(csv.DictReader(io.StringIO(call("predict", run, f"input={images}", "confidence=0").out)))
    assert list(rows[0]) == ["file", "class", "confidence", "x1", "y1", "x2", "y2"]
    flat = [(line["file"], each) for line in lines for each in line["detections"]]
    assert [(row["file"], row["class"], row["confidence"]) for row in rows] == [
        (file, each["class"], str(each["confidence"])) for file, each in flat
    ]
    assert [[row[side] for side in ("x1", "y1", "x2", "y2")] for row in rows] == [
        [str(side) for side in each["box"]] for _, each in flat
    ]


def test_detections_count_from_validations_confidence_on_or_the_one_given(trained, run, images, recorded):
    chosen = json.loads((trained / "run" / "record.json").read_text())["best"]["chosen"]["confidence"]
    middle = float(np.median(np.concatenate([scores for _, scores, _ in recorded.values()])))
    for given, confidence in (([], chosen), ([f"confidence={middle}"], middle)):
        outcome = call("predict", run, f"input={images}", "format=jsonl", *given)
        for line in lines_of(outcome.out):
            scores = recorded[Path(line["file"]).name][1].astype(np.float64)
            assert len(line["detections"]) == (scores >= confidence).sum()
        assert f"(confidence ≥ {confidence:.4g})" in outcome.err


def test_a_file_without_detections_has_a_row_and_an_unreadable_one_is_named(run, images, tmp_path):
    (tmp_path / "some").mkdir()
    for name in ("a.jpg", "c.jpg"):
        shutil.copy(images / "0.jpg", tmp_path / "some" / name)
    (tmp_path / "some" / "b.jpg").write_bytes(b"broken")
    outcome = call("predict", run, "input=some", "confidence=1", "draw=drawn")
    assert outcome.code == 0
    assert outcome.out == "file,class,confidence,x1,y1,x2,y2\nsome/a.jpg,,,,,,\nsome/c.jpg,,,,,,\n"
    warning, summary = outcome.err.splitlines()
    assert warning.startswith("warning: some/b.jpg: not an image")
    assert summary == "2 of 3 images searched, 0 objects found (confidence ≥ 1), 1 unreadable and left out"
    assert sorted(path.name for path in Path("drawn").iterdir()) == [".drawn-by-tlbench", "a.jpg", "c.jpg"]


@pytest.mark.promise("pictures of detection")
def test_pictures_are_drawn_beside_no_file_of_the_users(trained, run, images):
    before = snapshot(trained)
    for _ in range(2):  # into a folder that it drew itself it draws again
        assert call("predict", run, f"input={images}", "confidence=0", "draw=out/drawn", "output=x.csv").code == 0
    assert snapshot(trained) == before
    for i in range(5):
        with Image.open(f"out/drawn/{i}.jpg") as drawn:
            size = (90 + 31 * i, 160 - 17 * i)
            assert drawn.size == (size[::-1] if i == ROTATED else size)
    assert (images / "0.jpg").read_bytes() != Path("out/drawn/0.jpg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["calibrated=true"], ["calibrated=true", "only for classification runs", "detection"]),
        (["confidence=1.5"], ["confidence='1.5'", "less than or equal to 1"]),
        (["confidence=nan"], ["confidence='nan'"]),
        (["draw=IMAGES"], ["draw=", "0.jpg, which is searched"]),
        (["draw=IMAGES/drawn"], ["lies in input="]),
        (["draw=mine"], ["draw='mine'", "files that this command did not draw"]),
        (["draw=mine/note.txt"], ["a file"]),
    ],
)
def test_what_is_refused_is_one_line_and_nothing_is_written(trained, run, images, tmp_path, arguments, fragments):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("mine")
    before = snapshot(trained), snapshot(tmp_path)
    given = [argument.replace("IMAGES", str(images)) for argument in arguments]
    outcome = call("predict", run, f"input={images}", *given)
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert (snapshot(trained), snapshot(tmp_path)) == before


@pytest.mark.promise("load takes", "load embeds")
def test_load_finds_the_same_in_images_of_every_kind(trained, images, recorded):
    model = tlbench.load(trained / "run")
    assert (model.class_names, model.device.type) == (("stamp", "signature"), "cpu")
    paths = [images / f"{i}.jpg" for i in range(5)]
    every = model.predict(paths, confidence=0)
    for path, found in zip(paths, every, strict=True):
        boxes, scores, labels = recorded[path.name]
        np.testing.assert_allclose([each.box for each in found], boxes, atol=1e-3)
        np.testing.assert_allclose([each.confidence for each in found], scores, atol=1e-6)
        assert [(each.label, each.class_name) for each in found] == [(n, model.class_names[n]) for n in labels]
    folder = model(images, confidence=0)
    assert folder == every
    assert folder.by_file() == dict(zip(map(str, paths), every, strict=True))
    embeddings = model.embeddings(images)
    assert embeddings.files == folder.files
    assert (embeddings.shape[0], embeddings.dtype) == (5, np.float32)
    assert embeddings.shape[1] == sum(branch[0].conv.in_channels for branch in model.network.model[-1].cv2)
    np.testing.assert_array_equal(embeddings[:5], model.embeddings(paths))
    with pytest.raises(ConfigError, match=r"^probabilities: a run of detection gives an image no probability of each"):
        model.probabilities(images)
    counting = [[each for each in found if each.confidence >= model.confidence] for found in every]
    assert [len(found) for found in model.predict(paths)] == [len(found) for found in counting]
    with Image.open(images / f"{ROTATED}.jpg") as image:
        upright = np.array(image.transpose(Image.Transpose.ROTATE_270))
        tensor = torch.from_numpy(upright).permute(2, 0, 1)
        kinds = model.predict([image, upright, tensor, tensor / 255], confidence=0)
    for found in kinds:
        np.testing.assert_allclose([each.box for each in found], [each.box for each in every[ROTATED]], atol=1e-3)
    assert [len(found) for found in model.predict(np.stack([upright, upright]))] == [len(counting[ROTATED])] * 2
    assert model.predict([]) == []
    with pytest.raises(ConfigError, match="confidence=2"):
        model.predict(paths, confidence=2)
    with pytest.raises(ConfigError, match="calibrated=True: only for classification"):
        tlbench.load(trained / "run", calibrated=True)
