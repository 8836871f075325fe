"""What ultralytics itself makes of exported files; the network is the one that was trained on drawn documents."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from pathlib import Path
from pickletools import genops
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import tlbench
from tests.composed import config, model, source_of
from tests.conftest import isolate
from tests.drawn_run import draw_run, name_checkpoint
from tlbench.cli import export
from tlbench.config import Normalisation
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES
from tlbench.embedded.documents.page import draw_page
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import ultralytics_module
from tlbench.records.record import BestRecord
from tlbench.sources.load import apply_source
from tlbench.sources.places import PACKAGE_FOLDER
from tlbench.tasks.detection.predictor import BoxPredictor
from tlbench.tasks.detection.ultralytics_keys import in_ultralytics, onnx_keys
from tlbench.tools.complete_run import open_run
from tlbench.tools.onnx_metadata import metadata

SIDE = 320
NAMES = (*SOURCE_CLASSES[:-1], 'it\'s "handwriting", grün')
CONFIDENCE = 0.5
"""No cell is so sure of two classes: of one, ultralytics' `predict` gives the surest class alone."""


def draw(folder: Path, *overrides: str) -> Path:
    """The folder of a run with the weights that come with tlbench."""
    best = BestRecord(monitor="val/map50_95", value=0.5, epoch=1, stage="full", chosen={"confidence": CONFIDENCE})
    chosen = ("task=detection", f"data.image_size={SIDE}", "data.antialias=false", *overrides)
    draw_run(folder, *chosen, names=NAMES, best=best)
    weights = load_file(PACKAGE_FOLDER / "yolo11n-documents.safetensors")
    torch.save({"state_dict": {f"network.{n}": t.float() for n, t in weights.items()}}, folder / "best.ckpt")
    name_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `run`, and in it `model.pt`; do not change it."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, folder)
        draw(folder / "run")
        assert export.main(["run=run", "format=pt"]) == 0
    return folder


@pytest.fixture(scope="module")
def ours(folder: Path) -> BoxPredictor:
    loaded = tlbench.load(folder / "run", "cpu")
    assert isinstance(loaded, BoxPredictor)
    return loaded


def page(height: int, width: int, index: int = 10) -> Path:
    path = Path(f"page_{height}_{width}.png")
    drawn = Image.fromarray(draw_page(11, index, (max(height, width),) * 2).pixels)
    drawn.resize((width, height)).save(path)
    return path


def theirs(file: Path, image: Path) -> tuple[Any, np.ndarray[Any, Any]]:
    """The model, and rows of label, confidence and box that it finds, the surest first."""
    yolo = ultralytics_module("models").YOLO(str(file))
    (found,) = yolo.predict(str(image), conf=CONFIDENCE, iou=0.7, rect=False, verbose=False, device="cpu")
    boxes = found.boxes
    return yolo, np.column_stack([boxes.cls.numpy(), boxes.conf.numpy(), boxes.xyxy.numpy()])


def of_ours(predictor: BoxPredictor, image: Path) -> np.ndarray[Any, Any]:
    (found,) = predictor.predict(image, confidence=CONFIDENCE)
    return np.array([(one.label, one.confidence, *one.box) for one in found])


@pytest.mark.promise("format=pt in ultralytics")
@pytest.mark.parametrize("size", [(SIDE, SIDE), (SIDE, SIDE // 4 * 3)])
def test_ultralytics_finds_the_same_boxes(folder: Path, ours: BoxPredictor, size: tuple[int, int]) -> None:
    image = page(*size)
    yolo, found = theirs(folder / "run" / "model.pt", image)
    wanted = of_ours(ours, image)
    assert len(wanted) >= 4
    assert found.shape == wanted.shape
    assert np.array_equal(found[:, 0], wanted[:, 0])
    np.testing.assert_allclose(found[:, 1], wanted[:, 1], atol=1e-5)
    np.testing.assert_allclose(found[:, 2:], wanted[:, 2:], atol=0.01)
    assert yolo.names == dict(enumerate(NAMES))
    assert yolo.task == "detect"
    assert yolo.predictor.imgsz == [SIDE, SIDE]


@pytest.mark.promise("format=pt in ultralytics")
@pytest.mark.parametrize("shape", [(160, 320), pytest.param((320, 256), marks=pytest.mark.slow)])
def test_ultralytics_finds_the_same_boxes_in_rectangles(shape: tuple[int, int], tmp_path: Path) -> None:
    draw(tmp_path / "run", f"data.image_size={list(shape)}")
    assert export.main([f"run={tmp_path / 'run'}", "format=pt"]) == 0
    predictor = tlbench.load(tmp_path / "run", "cpu")
    assert isinstance(predictor, BoxPredictor)
    for size in (shape, (240, 240)):
        image = page(*size)
        yolo, found = theirs(tmp_path / "run" / "model.pt", image)
        wanted = of_ours(predictor, image)
        assert yolo.predictor.imgsz == list(shape)
        assert found.shape == wanted.shape
        assert len(wanted) >= 1
        np.testing.assert_allclose(found[:, 2:], wanted[:, 2:], atol=0.01 if size == shape else 2)
    said = metadata(open_run(tmp_path / "run"), predictor.network)
    assert said["imgsz"] == str(list(shape))
    assert json.loads(said["preprocessing"])["image_size"] == list(shape)


def test_interpolated_images_give_boxes_equal_to_a_pixel(folder: Path, ours: BoxPredictor) -> None:
    image = page(2 * SIDE, 2 * SIDE)
    _, found = theirs(folder / "run" / "model.pt", image)
    wanted = of_ours(ours, image)
    assert found.shape == wanted.shape
    assert float(np.abs(found[:, 2:] - wanted[:, 2:]).max()) < 2  # of 640, which are a pixel of the input


@pytest.mark.promise("exported files know no tlbench")
def test_the_file_names_nothing_of_tlbench_and_says_what_it_is(folder: Path) -> None:
    content = (folder / "run" / "model.pt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        pickled = archive.read(name)
    named = {str(argument).split()[0] for opcode, argument, _ in genops(pickled) if opcode.name == "GLOBAL"}
    assert {module.split(".")[0] for module in named} <= {"torch", "ultralytics", "collections", "__builtin__"}
    with torch.serialization.safe_globals([]):
        loaded, _ = ultralytics_module("nn.tasks").torch_safe_load(str(folder / "run" / "model.pt"), safe_only=True)
    assert (loaded["train_args"]["imgsz"], loaded["train_args"]["task"]) == (SIDE, "detect")
    assert (loaded["train_args"]["box"], loaded["license"][:8]) == (7.5, "AGPL-3.0")
    assert (loaded["tlbench"]["model"], loaded["tlbench"]["confidence"]) == ("yolo11n", CONFIDENCE)
    network = loaded["model"]
    assert (network.yaml["nc"], network.model[-1].nc, network.names[0]) == (8, 8, "text")
    assert tuple(network.model[-1].cv3[0][0][1].conv.weight.shape) == (80, 64, 1, 1)  # as wide as for 80 classes


def test_an_exported_network_is_a_source_again(folder: Path) -> None:
    chosen = model("yolo11n")
    network = build_network(chosen, 2, 0, (64, 64))
    report = apply_source(network, source_of("checkpoint", folder / "run" / "model.pt"), chosen, config().data)
    assert (report.loaded, len(report.reinitialised)) == (493, 6)
    assert report.holds == "yolo11n (DetectionModel) of 8 classes"
    weights = load_file(PACKAGE_FOLDER / "yolo11n-documents.safetensors")
    assert torch.equal(
        network.module.state_dict()["model.4.cv2.conv.weight"], weights["model.4.cv2.conv.weight"].float()
    )


def test_half_precision_loads_and_is_half_as_large(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main([f"run={folder / 'run'}", "output=half.pt", "half=true"]) == 0
    whole = (folder / "run" / "model.pt").stat().st_size
    assert Path("half.pt").stat().st_size < 0.6 * whole
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("licence: AGPL-3.0 License (https://ultralytics.com/license)")
    assert said[1] == "in ultralytics: YOLO('half.pt').predict(IMAGES, conf=0.5, iou=0.7, rect=False)"
    assert said[2:] == ["exported: half.pt"]
    assert ultralytics_module("models").YOLO("half.pt").model.model[0].conv.weight.dtype == torch.float32


def test_an_onnx_file_says_the_same_in_both_languages(folder: Path, ours: BoxPredictor) -> None:
    said = metadata(open_run(folder / "run"), ours.network)
    assert ast.literal_eval(said["names"]) == dict(enumerate(NAMES))
    keys = ("task", "stride", "imgsz", "batch", "channels")
    assert [said[key] for key in keys] == ["detect", "32", f"[{SIDE}, {SIDE}]", "1", "3"]
    assert ast.literal_eval(said["args"]) == {"batch": 1, "dynamic": False, "nms": False}
    assert {"class_names", "preprocessing", "postprocessing", "run"} <= said.keys()


def test_images_are_shrunk_otherwise_there_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "run", "data.antialias=true")
    assert export.main(["run=run", "format=pt"]) == 0
    assert "there images are shrunk by interpolation, here they were averaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("model.norm=group",),
            "format=pt: run=run has model.norm=group, and ultralytics takes every norm for",
        ),
        (
            ("data.normalisation.std=[0.5,0.5,0.5]",),
            "format=pt: run=run was trained on normalised images (data.normalisation), and ultralytics gives pixels of",
        ),
        (
            ("model=resnet18",),
            "format=pt: run=run is of classification, and ultralytics knows no resnet18",
        ),
    ],
)
def test_what_ultralytics_cannot_run_is_refused(
    tmp_path: Path, tiny_network: None, capsys: pytest.CaptureFixture[str], overrides: tuple[str, ...], message: str
) -> None:
    draw_run(tmp_path / "run", *(() if "resnet18" in overrides[0] else ("task=detection",)), *overrides)
    assert export.main(["run=run", "format=pt"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("run/model.pt").exists()


def test_onnx_of_normalised_images_has_no_keys_of_ultralytics(folder: Path, ours: BoxPredictor) -> None:
    run = open_run(folder / "run")
    data = run.config.data.model_copy(update={"normalisation": Normalisation(mean=[0.4] * 3, std=[0.2] * 3)})
    run.config.__dict__["data"] = data
    assert onnx_keys(run, ours.network) == {}
    assert in_ultralytics(run, Path("m.onnx"))[0].startswith("not for ultralytics: the network takes normalised images")
