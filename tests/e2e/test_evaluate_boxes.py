"""`tlbench.evaluate`, `tlbench.export` and `tlbench.compare` on detection runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import call, snapshot, train
from tests.conftest import isolate
from tlbench.config.hash import config_hash
from tlbench.data.decode import decode_fitted
from tlbench.geometry.fits import inside_size
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.tasks.detection.postprocess import detections_of
from tlbench.tools.complete_run import open_run
from tlbench.tools.loaded_run import load_network

NAMES = ("stamp", "page")
SIDE = 64


def draw_folder(root: Path, names: tuple[str, ...] = NAMES, seed: int = 0) -> None:
    """A YOLO folder whose objects fill most of their images: a network that was hardly trained finds some of them."""
    draws = np.random.default_rng(seed)
    for split, count in (("train", 8), ("val", 4), ("test", 6)):
        for i in range(count):
            picture, label = (root / folder / split / f"{i}" for folder in ("images", "labels"))
            picture.parent.mkdir(parents=True, exist_ok=True)
            label.parent.mkdir(parents=True, exist_ok=True)
            coarse = draws.integers(0, 256, (5, 7, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((90 + 13 * i, 120 - 11 * i)).save(f"{picture}.png")
            width, height = draws.uniform(0.75, 1, 2)
            label.with_suffix(".txt").write_text(f"{names.index(NAMES[i % 2])} 0.5 0.5 {width:.3f} {height:.3f}\n")
    content = "train: images/train\nval: images/val\ntest: images/test\n"
    (root / "data.yaml").write_text(f"{content}names: [{', '.join(names)}]\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A detector after two epochs: `run`, and below `data` the folder it was trained on; do not write there."""
    folder = tmp_path_factory.mktemp("boxes")
    draw_folder(folder / "data")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        outcome = train(*options_of(folder), f"hydra.run.dir={folder / 'run'}")
    assert outcome.code == 0, outcome.err
    return folder


def options_of(folder: Path) -> tuple[str, ...]:
    return (
        *("task=detection", "data=yolo", f"data.root={folder / 'data'}", f"data.image_size={SIDE}"),
        *("data.batch_size=4", "source=random", "trainer=cpu", "trainer.max_epochs=2", "logger.tensorboard=false"),
    )


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of the run, `run` in the working folder."""
    return shutil.copytree(trained / "run", tmp_path / "run", ignore=shutil.ignore_patterns("last*", "previous*"))


@pytest.fixture(scope="module")
def exported(trained) -> Path:
    """The folder with `model.onnx` and `model.pt` of the run; do not write there."""
    pytest.importorskip("onnxruntime", reason="needs the extra `export`")
    for name, line in (("onnx", "onnxruntime gives torch's boxes and probabilities to"), ("pt", "licence: AGPL-3.0")):
        outcome = call("export", f"run={trained / 'run'}", f"output={trained / 'exported' / 'model'}.{name}")
        assert (outcome.code, outcome.err) == (0, "")
        assert line in outcome.out
    return trained / "exported"


def record_of(run: Path) -> dict:
    return json.loads((run / "record.json").read_text())


@pytest.mark.promise("detection tools")
@pytest.mark.parametrize("more", [[], ["data.cache=none", "data.workers=0"]], ids=["in memory", "from files"])
def test_evaluate_recomputes_the_recorded_metrics_to_the_last_bit(run, more):
    before, files_before = record_of(run), snapshot(run)
    assert before["metrics"]["test/map50"] > 0.1
    assert before["metrics"]["test/f1"] > 0.1
    outcome = call("evaluate", "run=run", *more)
    assert (outcome.code, outcome.err) == (0, "")
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["comparison"]["recorded"] == before["metrics"] == evaluation["metrics"]
    assert evaluation["comparison"]["largest_difference"] == 0
    assert evaluation["data"]["own"]
    assert evaluation["metrics"]["test/confidence"] == before["best"]["chosen"]["confidence"]
    assert "all 24 recorded metrics agree to 1e-06" in outcome.out
    assert record_of(run)["evaluations"]["evaluation.json"]["metrics"]["test/map50"] == before["metrics"]["test/map50"]
    files = snapshot(run)
    assert {name for name in files if files_before.get(name) != files[name]} == {
        *("record.json", "evaluation.json"),
        *("evaluation_precision_recall.png", "evaluation_f1_confidence.png"),
    }


def test_metrics_that_differ_are_exit_code_1(run):
    record = record_of(run)
    record["metrics"]["test/map50_95"] += 2e-6
    (run / "record.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    outcome = call("evaluate", "run=run")
    assert outcome.code == 1
    assert "by up to 2e-06, more than 1e-06: test/map50_95" in outcome.one_line()


def test_other_splits_are_at_validations_confidence(run):
    best = record_of(run)["best"]
    assert call("evaluate", "run=run", "split=val").code == 0
    metrics = json.loads((run / "evaluation_val.json").read_text())["metrics"]
    assert metrics["val/map50_95"] == pytest.approx(best["value"], abs=1e-6)
    assert metrics["val/confidence"] == best["chosen"]["confidence"]
    outcome = call("evaluate", "run=run", "split=all")
    assert outcome.code == 0, outcome.err
    evaluation = json.loads((run / "evaluation_all.json").read_text())
    assert (evaluation["data"]["count"], len(evaluation["data"]["fingerprints"])) == (18, 3)
    assert evaluation["metrics"]["all/confidence"] == best["chosen"]["confidence"]


def test_labels_are_the_runs_whatever_the_order_of_the_classes(run, tmp_path):
    draw_folder(tmp_path / "turned", NAMES[::-1])
    outcome = call("evaluate", "run=run", "data.root=turned")
    assert outcome.code == 0, outcome.err
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["metrics"] == record_of(run)["metrics"]
    assert evaluation["data"]["own"]  # they are the same images with the same labels


def test_other_data(run, tmp_path):
    draw_folder(tmp_path / "other", seed=1)
    outcome = call("evaluate", "run=run", "data.root=other")
    assert outcome.code == 0, outcome.err
    evaluation = json.loads((run / "evaluation_yolo_other.json").read_text())
    recorded = record_of(run)["metrics"]
    assert evaluation["metrics"].keys() == recorded.keys()
    assert evaluation["metrics"]["test/loss"] != recorded["test/loss"]
    assert evaluation["metrics"]["test/confidence"] == recorded["test/confidence"]
    assert (evaluation["comparison"], evaluation["data"]["own"]) == (None, False)


def test_all_of_a_folder_too_small_to_carve(run, tmp_path):
    draw_folder(tmp_path / "other", seed=1)
    few = tmp_path / "few"
    for kind, ending in (("images", ".png"), ("labels", ".txt")):
        (few / kind).mkdir(parents=True)
        for i in range(3):
            shutil.copy(tmp_path / "other" / kind / "test" / f"{i}{ending}", few / kind)
    (few / "labels" / "2.txt").unlink()  # background
    (few / "classes.txt").write_text("\n".join(NAMES))
    assert "leaves none" in call("evaluate", "run=run", "data.root=few").one_line()
    outcome = call("evaluate", "run=run", "data.root=few", "split=all")
    assert outcome.code == 0, outcome.err
    evaluation = json.loads((run / "evaluation_yolo_few_all.json").read_text())
    assert (evaluation["data"]["count"], len(evaluation["data"]["fingerprints"])) == (3, 1)
    assert (evaluation["data"]["own"], evaluation["comparison"]) == (False, None)
    assert evaluation["metrics"]["all/confidence"] == record_of(run)["best"]["chosen"]["confidence"]
    assert evaluation["metrics"]["all/map50"] > 0


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["calibrate=temperature"], ["calibrate=temperature", "only for classification runs", "of detection"]),
        (["corruptions=common"], ["corruptions=common", "only for classification"]),
        (["data=digits"], ["data=digits", "coco, documents, signature, yolo"]),
        (["data.image_size=96"], ["data.image_size=96", "trained with"]),
        (["data.root=other"], ["lack 'page' and have besides 'letter'", "data.classes"]),
    ],
)
def test_what_is_not_allowed_is_one_line(run, tmp_path, arguments, fragments):
    draw_folder(tmp_path / "other")
    described = tmp_path / "other" / "data.yaml"
    described.write_text(described.read_text().replace("page", "letter"))
    before = snapshot(run)
    outcome = call("evaluate", "run=run", *arguments)
    assert outcome.code == 2
    line = outcome.one_line()
    assert [fragment for fragment in fragments if fragment not in line] == []
    assert snapshot(run) == before


@pytest.mark.promise("antialias", "detection tools")
def test_the_exported_file_and_its_metadata_give_the_boxes_of_the_runs_own_test(run, trained, exported):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `export`")
    session = onnxruntime.InferenceSession(str(exported / "model.onnx"))
    metadata = session.get_modelmeta().custom_metadata_map
    own = ("class_names", "preprocessing", "postprocessing", "run")
    said = {key: json.loads(metadata[key]) for key in own}  # all others are ultralytics'
    assert tuple(said["class_names"]) == NAMES
    assert said["postprocessing"]["confidence"] == record_of(run)["best"]["chosen"]["confidence"]
    assert said["postprocessing"]["strides"] == [8, 16, 32]
    (given,), (output,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape[1:], output.name, output.shape[1:]) == (
        *("images", [3, SIDE, SIDE], "predictions", [6, 64 + 16 + 4]),
    )
    assert b"site-packages" not in (exported / "model.onnx").read_bytes()

    images = torch.rand(5, 3, SIDE, SIDE)
    with torch.no_grad():
        wanted = load_network(open_run("run")).module.eval()(images)[0].numpy()
    (found,) = session.run(None, {"images": images.numpy()})
    np.testing.assert_allclose(found[:, :4], wanted[:, :4], atol=1e-4 * SIDE)
    np.testing.assert_allclose(found[:, 4:], wanted[:, 4:], atol=1e-4)

    with np.load(trained / "run" / "predictions_test.npz") as kept:
        ends = np.cumsum(kept["count"])[:-1]
        recorded = [np.split(kept[key], ends) for key in ("boxes", "scores")]
    for i in range(6):  # nothing but what the metadata say, for one image at a time
        path = trained / "data" / "images" / "test" / f"{i}.png"
        boxes, scores = searched(session, path, said["preprocessing"], said["postprocessing"])
        count = int((recorded[1][i] >= said["postprocessing"]["confidence"]).sum())  # scores below it are all but equal
        assert count > 0
        np.testing.assert_allclose(scores[:count], recorded[1][i][:count], atol=1e-5)
        np.testing.assert_allclose(boxes[:count], recorded[0][i][:count], atol=0.01)


@pytest.mark.promise("ONNX in ultralytics")
def test_ultralytics_runs_both_exported_files_alike(run, trained, exported):
    images = [str(trained / "data" / "images" / "test" / f"{i}.png") for i in range(6)]
    results = []
    for name in ("model.pt", "model.onnx"):  # several images at a time
        yolo = ultralytics_module("models").YOLO(str(exported / name))
        options = {"conf": record_of(run)["best"]["chosen"]["confidence"], "rect": False, "verbose": False, "batch": 4}
        results.append(yolo.predict(images, device="cpu", **options))
        assert yolo.names == dict(enumerate(NAMES))
        assert yolo.predictor.imgsz == [SIDE, SIDE]
    for whole, exported in zip(*results, strict=True):
        assert len(whole.boxes) > 0
        assert torch.equal(whole.boxes.cls, exported.boxes.cls)
        torch.testing.assert_close(exported.boxes.conf, whole.boxes.conf, atol=1e-5, rtol=0)
        torch.testing.assert_close(exported.boxes.xyxy, whole.boxes.xyxy, atol=0.01, rtol=0)


def searched(session, path: Path, before: dict, after: dict) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (K, 4) in pixels of an image, and their scores, by an exported network."""
    with Image.open(path) as image:
        size = np.array(image.size)
    side = before["image_size"]
    height, width = inside_size(size[1], size[0], (side, side))
    left, top = (side - width) // 2, (side - height) // 2
    square = np.broadcast_to(np.array(before["fill"], np.float32)[:, None, None], (3, side, side)).copy()
    fit = "corner" if before["antialias"] else "corner_aliased"
    pixels = decode_fitted(path.read_bytes(), (side, side), fit)[:height, :width].transpose(2, 0, 1)
    square[:, top : top + height, left : left + width] = pixels.astype(np.float32) / 255
    (outputs,) = session.run(["predictions"], {"images": square[None]})
    options = {key: after[key] for key in ("min_confidence", "nms_iou", "max_detections")}
    (rows,) = detections_of(torch.from_numpy(outputs), num_classes=len(NAMES), **options)
    boxes = (rows[:, :4].numpy().reshape(-1, 2, 2) - [left, top]) * (size / [width, height])
    return boxes.clip(0, size).reshape(-1, 4), rows[:, 4].numpy()


@pytest.mark.promise("detection tools after several processes")
def test_compare_pairs_detection_runs(run):
    other = shutil.copytree(run, run.parent / "other")
    record = record_of(other)
    record["metrics"]["test/map50_95"] -= 0.25
    record["config"]["optimizer"]["lr"] = 0.5
    record["config_hash"] = config_hash(record["config"])
    (other / "record.json").write_text(json.dumps(record))
    outcome = call("compare", "run", "other", "output=comparison.json")
    assert outcome.code == 0, outcome.err
    assert "optimizer.lr: 0.001 and 0.5" in outcome.out
    assert "map50_95" in outcome.out
    comparison = json.loads(Path("comparison.json").read_text())
    assert comparison["primary"] == "test/map50_95"
    assert "0.25" in json.dumps(comparison)
