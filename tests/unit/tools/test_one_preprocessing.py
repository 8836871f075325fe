"""Whichever way an image comes to a run's network, the network sees the same; also by an ONNX file's metadata alone."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import tlbench
from tests.composed import data_values
from tests.drawn_deep import png_16
from tests.drawn_photos import photos
from tests.drawn_run import draw_run
from tests.records import record
from tlbench.annotations.instances.config import InstanceDataConfig
from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.config.hash import config_hash
from tlbench.data.decode import Decoding
from tlbench.data.open import open_target
from tlbench.data.pixel_range import decoding_of
from tlbench.errors import ConfigError, DataError
from tlbench.geometry.augment import prepare
from tlbench.records.record import DataRecord, read_record, write_record
from tlbench.system.voice import SILENT
from tlbench.tasks.classification.inputs import as_stored
from tlbench.tools.complete_run import open_run
from tlbench.tools.data_overrides import with_data
from tlbench.tools.decoding import decoding_of_run, decoding_to_evaluate
from tlbench.tools.letterboxed import corner_image
from tlbench.tools.onnx_metadata import metadata

pytestmark = pytest.mark.usefixtures("tiny_network")

FILES = ("data.name=image_folder", "data.root=images", "data.image_size=48", "data.fit=crop")
HOW = {"whole": Decoding(), "fast": Decoding(fast=True)}


@pytest.fixture(scope="module")
def content() -> bytes:
    """A photo of 1100 × 800 pixels as JPEG, stored lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    grain = np.random.default_rng(0).normal(0, 30, (1100, 800, 1))
    pixels = np.asarray(photos(1, 64)[0].resize((800, 1100)), np.float64) + grain
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


def upright(content: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(content)))


def draw(*overrides: str, ranges=(), **changed) -> None:
    data = DataRecord(
        name="image_folder",
        class_names=["cat", "dog", "a, b"],
        split_rule={},
        fingerprints={},
        pixel_ranges=None if ranges is None else dict(ranges),
    )
    draw_run(Path("run"), *FILES, *overrides, data=data, **changed)


@pytest.mark.promise("predict sees the same")
def test_predict_sees_the_same_of_a_path_its_bytes_an_image_and_its_pixels(content, tmp_path):
    draw()
    model = tlbench.load("run", device="cpu")
    Path("a.jpg").write_bytes(content)
    loaded = Image.open("a.jpg")
    loaded.load()
    pixels = np.array(upright(content))
    ways = ("a.jpg", Path("a.jpg"), content, Image.open("a.jpg"), loaded, Image.open("a.jpg").convert("RGB"), pixels)
    found = [model.predict(way)[0].probabilities for way in (*ways, torch.from_numpy(pixels).permute(2, 0, 1))]
    assert [np.array_equal(found[0], other) for other in found] == [True] * 8


@pytest.mark.parametrize("decode", HOW)
def test_an_image_that_is_opened_but_not_decoded_is_read_as_its_file(content, decode):
    data, how = data_of(decode), HOW[decode]
    wanted = as_stored(content, data, how)
    lazy = Image.open(io.BytesIO(content))
    assert np.array_equal(as_stored(lazy, data, how), wanted)
    assert lazy.size == (800, 1100)  # and stays as it is
    assert np.array_equal(np.asarray(lazy), np.asarray(Image.open(io.BytesIO(content))))
    assert np.array_equal(as_stored(lazy, data, how), wanted) is (decode == "whole")  # now it is decoded, whole
    drafted = Image.open(io.BytesIO(content))
    drafted.draft("RGB", (200, 275))  # the caller's own choice
    assert not np.array_equal(as_stored(drafted, data, how), wanted) or decode == "fast"
    boxes = InstanceDataConfig.model_validate({**data_values("yolo"), "image_size": 64, "decode": decode})
    for way in (Image.open(io.BytesIO(content)), content):
        assert np.array_equal(corner_image(way, boxes, how).pixels, corner_image(content, boxes, how).pixels)
    assert (corner_image(upright(content), boxes, how).height, corner_image(content, boxes, how).height) == (800, 800)


def data_of(decode: str) -> LabelDataConfig:
    return LabelDataConfig.model_validate({**data_values("image_folder"), "image_size": 48, "decode": decode})


def test_the_two_ways_of_decoding_differ(content):
    whole, fast = (as_stored(content, data_of(d), HOW[d]).astype(int) for d in HOW)
    assert np.abs(whole - fast).max() > 0


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_likewise_of_rectangles(content, fit):
    draw(f"data.fit={fit}", "data.image_size=[48, 80]", "data.stored_size=[60, 100]")
    run = open_run("run")
    said = json.loads(metadata(run, torch.nn.Identity())["preprocessing"])
    assert (said["stored_size"], said["image_size"]) == ([60, 100], [48, 80])
    assert "Image.resize((width, height), BILINEAR)" in said["resize_means"]
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    height, width = said["stored_size"]
    if fit == "pad":
        assert "ImageOps.pad to the image's width or height" in said["fit_means"]
        assert image.width * height < image.height * width
        image = ImageOps.pad(image, (round(image.height * width / height), image.height))
    elif fit == "crop":
        assert "rounded, half to even; left and top are" in said["fit_means"]
        high = round(image.width * height / width)
        top = (image.height - high) // 2
        image = image.crop((0, top, image.width, top + high))
    wanted = np.asarray(image.resize((width, height), Image.BILINEAR))
    assert np.array_equal(wanted, as_stored(content, run.config.data, decoding_of_run(run)))


@pytest.mark.promise("metadata give the input")
def test_who_follows_the_metadata_with_pillow_and_numpy_gets_the_input(content):
    draw("data.normalisation={mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25]}", ranges={"uint16": (0, 4095)})
    run = open_run("run")
    said = json.loads(metadata(run, torch.nn.Identity())["preprocessing"])
    assert (said["jpeg"], said["pixel_ranges"], said["fit"]) == ("whole", {"uint16": [0, 4095]}, "crop")
    deep = np.random.default_rng(0).integers(0, 4200, (90, 70)).astype(np.uint16)
    data = run.config.data
    for file in (content, png_16(deep)):
        image = Image.open(io.BytesIO(file))
        if image.mode == "I;16":
            black, white = said["pixel_ranges"]["uint16"]
            values = np.asarray(image).astype(np.float64).clip(black, white)
            image = Image.fromarray(np.rint((values - black) / ((white - black) / 255)).astype(np.uint8))
        image = ImageOps.exif_transpose(image).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        small = image.crop((left, top, left + side, top + side)).resize([said["stored_size"]] * 2, Image.BILINEAR)
        ours = as_stored(file, data, decoding_of_run(run))
        assert np.array_equal(np.asarray(small), ours)
        mean, std = np.array(said["mean"], np.float32), np.array(said["std"], np.float32)
        theirs = ((np.asarray(small, np.float32) / 255 - mean) / std).transpose(2, 0, 1)
        network = prepare(torch.from_numpy(ours.copy()).permute(2, 0, 1)[None], (48, 48), data.normalisation)[0]
        np.testing.assert_allclose(theirs, network.numpy(), atol=1e-6)


@pytest.mark.parametrize(("decode", "antialias"), [("whole", True), ("fast", True), ("whole", False)])
def test_likewise_of_a_detector(content, decode, antialias):
    config = compose(f"data.decode={decode}", f"data.antialias={str(antialias).lower()}")
    data = DataRecord(name="yolo", class_names=["a"], split_rule={}, fingerprints={}, pixel_ranges={})
    best = {"monitor": "val/map50_95", "value": 0.5, "epoch": 1, "stage": "full", "chosen": {"confidence": 0.3}}
    drawn = record(config=config.model_dump(mode="json"), task="detection", data=data, best=best)
    Path("run").mkdir()
    Path("run/best.ckpt").write_bytes(b"weights")
    write_record(Path("run"), drawn)
    module = torch.nn.Identity()
    module.stride = torch.tensor([8, 16, 32])
    run = open_run("run")
    said = json.loads(metadata(run, module)["preprocessing"])
    assert said["jpeg"] == decode
    image = Image.open(io.BytesIO(content))
    if decode == "fast":
        assert "draft('RGB', (floor(width / spare), floor(height / spare)))" in said["jpeg_means"]
        spare = max(image.size) / (2 * said["image_size"])
        assert spare >= 2
        image.draft("RGB", (int(image.width / spare), int(image.height / spare)))
    image = ImageOps.exif_transpose(image).convert("RGB")
    longer, side = 1100, said["image_size"]
    size = [min(int(np.ceil(edge * side / longer)), side) for edge in (1100, 800)]
    if said["resize_means"].endswith("Image.resize(size, BILINEAR)"):
        small = image.resize(size, Image.BILINEAR)
    else:
        small = image.transform(size, Image.Transform.EXTENT, (0, 0, *image.size), Image.BILINEAR)
    ours = corner_image(content, run.config.data, decoding_of_run(run))
    assert np.array_equal(ours.pixels[: size[1], : size[0]], np.asarray(small))


def compose(*overrides: str) -> TrainConfig:
    return compose_config(["task=detection", "data=yolo", "data.root=d", "data.image_size=64", *overrides])


@pytest.mark.promise("older records decode alike")
def test_a_record_without_the_keys_is_of_a_run_that_decoded_fast_and_from_all_16_bits(content):
    draw(ranges=None)
    stored = json.loads(Path("run/record.json").read_text())
    for key in ("decode", "pixel_range"):
        del stored["config"]["data"][key]
    del stored["data"]["pixel_ranges"]
    stored["config_hash"] = config_hash(stored["config"])
    Path("run/record.json").write_text(json.dumps(stored))
    assert read_record(Path("run")).data.pixel_ranges is None
    run = open_run("run")
    how = decoding_of_run(run)
    assert (how.fast, how.ranges) == (True, None)
    said = json.loads(metadata(run, torch.nn.Identity())["preprocessing"])
    assert (said["jpeg"], said["pixel_ranges"]) == ("fast", {"uint16": [0, 65535], "int32": [0, 65535]})
    drafted = Image.open(io.BytesIO(content))
    drafted.draft("RGB", (96, 132))
    assert drafted.size == (100, 138)
    wanted = ImageOps.exif_transpose(drafted)
    wanted = wanted.crop((19, 0, 119, 100)).resize((48, 48), Image.BILINEAR)
    assert np.array_equal(as_stored(content, run.config.data, how), np.asarray(wanted))
    deep = np.full((48, 48), 3000, np.uint16)
    for way in (png_16(deep), Image.open(io.BytesIO(png_16(deep)))):
        assert (as_stored(way, run.config.data, how) == 12).all()


@pytest.mark.promise("predict takes the range")
def test_predict_takes_the_runs_range(tmp_path, capsys):
    draw(ranges={"uint16": (0, 4095), "float32": (0, 1)})
    run = open_run("run")
    data, how = run.config.data, decoding_of_run(run)
    deep = np.random.default_rng(0).integers(0, 4000, (48, 48)).astype(np.uint16)
    wanted = np.rint(deep / (4095 / 255)).astype(np.uint8)
    loaded = Image.open(io.BytesIO(png_16(deep)))
    loaded.load()
    for way in (png_16(deep), Image.open(io.BytesIO(png_16(deep))), loaded, deep, (deep / 4095).astype(np.float32)):
        assert np.array_equal(as_stored(way, data, how)[..., 0], wanted)
    colours = np.stack([deep, deep // 2, deep // 3], axis=2)
    for way in (png_16(colours), Image.open(io.BytesIO(png_16(colours))), colours):
        assert np.array_equal(as_stored(way, data, how), np.rint(colours / (4095 / 255)).astype(np.uint8))
    assert capsys.readouterr().out == ""
    Path("a.png").write_bytes(png_16(deep * 2))
    as_stored("a.png", data, how)
    assert capsys.readouterr().out.startswith("warning: a.png: its pixel values reach beyond 0 … 4095")
    with pytest.raises(DataError, match="int32, have more than 8 bits, and the run was trained on no such images"):
        as_stored(Image.fromarray(deep.astype(np.int32)), data, how)
    with pytest.raises(DataError, match=r"of int32.*of more than 8 bits the run takes uint16 and float32"):
        as_stored(deep.astype(np.int32), data, how)


def test_images_that_pillow_has_changed_in_decoding_are_refused(tmp_path):
    draw(ranges={"uint16": (0, 4095)})
    run = open_run("run")
    data, how = run.config.data, replace(decoding_of_run(run), own_values=True)
    deep = np.random.default_rng(0).integers(0, 4000, (48, 48)).astype(np.uint16)
    colours = np.stack([deep, deep // 2, deep // 3], axis=2)
    contents = {
        "grey.pgm": b"P5 48 48 4095\n" + deep.astype(">u2").tobytes(),
        "colours.ppm": b"P6 48 48 4095\n" + colours.astype(">u2").tobytes(),
        "colours.png": png_16(colours),
    }
    for name, content in contents.items():
        Path(name).write_bytes(content)
        wanted = np.rint((deep[..., None].repeat(3, 2) if "grey" in name else colours) / (4095 / 255)).astype(np.uint8)
        for way in (name, content, Image.open(name), Image.open(io.BytesIO(content))):
            assert np.array_equal(as_stored(way, data, how), wanted)
        decoded = Image.open(name)
        decoded.load()
        with pytest.raises(
            DataError, match=r"^an image: Pillow has decoded it and .*; give the file's path, its bytes"
        ):
            as_stored(decoded, data, how)
        Path(name).unlink()
    drawn = Image.new("RGB", (48, 48), (9, 9, 9))
    drawn.save("eight.png")
    eight = Image.open("eight.png")
    eight.load()
    for way in (drawn, eight):
        assert (as_stored(way, data, how) == 9).all()


def test_a_record_that_does_not_say_what_pgm_values_were_refuses_such_files(tmp_path):
    pgm = b"P5 48 48 4095\n" + np.full((48, 48), 2048, ">u2").tobytes()
    draw(ranges={"uint16": (0, 65535)})
    run = open_run("run")
    reason = (
        "a PGM or PPM of 9 to 15 bits, and the run's record does not say whether it took the values of such files as"
    )
    with pytest.raises(DataError, match=f"^an image: {reason} they are or stretched to 65535"):
        as_stored(pgm, run.config.data, decoding_of_run(run))
    assert "are not taken" in json.loads(metadata(run, torch.nn.Identity())["preprocessing"])["more_than_8_bits"]
    stored = json.loads(Path("run/record.json").read_text())
    stored["data"] |= {"own_values": True, "pixel_ranges": {"uint16": [0, 4095]}}
    Path("run/record.json").write_text(json.dumps(stored))
    run = open_run("run")
    assert (as_stored(pgm, run.config.data, decoding_of_run(run)) == 128).all()
    assert (
        "the file's own values" in json.loads(metadata(run, torch.nn.Identity())["preprocessing"])["more_than_8_bits"]
    )
    draw(ranges={})
    run = open_run("run")
    with pytest.raises(DataError, match="and the run was trained on no such images"):
        as_stored(pgm, run.config.data, decoding_of_run(run))


def test_evaluate_takes_the_runs_range_and_another_only_where_it_has_none(tmp_path):
    for i in range(10):
        for name in ("cat", "dog", "a, b"):
            path = tmp_path / "images" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png_16(np.full((48, 48), 60 + i, np.uint16)))
    draw(ranges={"uint16": (0, 4095)})
    run = open_run("run")
    how = decoding_to_evaluate(run, with_data(run.config, ["data.val_fraction=0.2"]))
    images = open_target(run.config.data, 0, SILENT, how).splits["train"].images
    assert {4} == set(images.flatten().tolist())  # not nearly white, as by their own range of 0 to 127
    with pytest.raises(ConfigError, match="the network was trained with the run's own range"):
        decoding_to_evaluate(run, with_data(run.config, ["data.pixel_range=[0,127]"]))
    with pytest.raises(ConfigError, match=r"trained with the run's own data\.decode"):
        with_data(run.config, ["data.decode=fast"])
    draw(ranges={})
    eight = open_run("run")
    assert decoding_to_evaluate(eight, eight.config) == decoding_of(eight.config.data, {})
    given = decoding_to_evaluate(eight, with_data(eight.config, ["data.pixel_range=[0,127]"]))
    assert given.ranges == {"uint16": (0, 127), "int32": (0, 127), "float32": (0, 127)}
