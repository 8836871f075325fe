"""`tlbench.load(run)`: whatever it is given, it says what `python -m tlbench.predict` says, with the same lines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlbench
from tests.commands import call
from tests.drawn_run import draw_run
from tests.records import record
from tlbench.errors import ConfigError, UserError
from tlbench.metrics.finite_outputs import NonFiniteOutputs
from tlbench.networks.head_input import HeadInput
from tlbench.networks.network import Network
from tlbench.records.record import write_record
from tlbench.tasks.classification.predictor import LabelPredictor
from tlbench.tools.table_text import rounded

pytestmark = pytest.mark.usefixtures("tiny_network")

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 41, 4), dtype=np.uint8)


@pytest.fixture
def model() -> LabelPredictor:
    draw_run(Path("run"), "data.name=image_folder", "data.root=images", "data.image_size=32", "data.batch_size=4")
    loaded = tlbench.load("run", device="cpu")
    assert isinstance(loaded, LabelPredictor)
    return loaded


@pytest.fixture
def photos() -> Path:
    """Seven images at two depths, one file that cannot be read, and one that is no image."""
    folder = Path("photos")
    for i, name in enumerate(["10.png", "2.jpg", "a/1.png", "a/b/3.png", "9.png", "a/4.png", "a/b/5.jpg"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(PIXELS[..., :3], 5 * i, axis=0)).save(path)
    (folder / "3.png").write_bytes(b"no image")
    (folder / "notes.txt").touch()
    return folder


def lines_of(outcome) -> dict[str, dict]:
    return {line["path"]: line for line in map(json.loads, outcome.out.splitlines())}


@pytest.mark.promise("load takes")
def test_a_folder_gives_what_predict_gives_in_its_order_with_its_words(model, photos, capsys):
    command = call("predict", "run=run", f"input={photos}", "format=jsonl", "device=cpu")
    predictions = model(photos)
    assert capsys.readouterr().err.splitlines() == command.err.splitlines()[:-1]  # but for the count
    table = lines_of(command)
    assert list(predictions.files) == list(table)
    assert len(table) == 7
    for file, said in predictions.by_file().items():
        assert (said.label, rounded(np.float32(said.probability))) == (table[file]["label"], table[file]["probability"])
        assert list(map(rounded, said.probabilities)) == list(table[file]["probabilities"].values())
    assert predictions.left_out == {"photos/3.png": "not an image, or of a kind that is not read"}
    rows = model.probabilities("photos/**/*.png")
    assert list(rows.files) == [file for file in table if file.endswith(".png")]
    assert rows.left_out == predictions.left_out
    assert rows[1:].files == ()
    mixed = model([photos / "10.png", photos, PIXELS, "photos/a/*.png"])
    files = ["photos/10.png", *table, None, "photos/a/1.png", "photos/a/4.png"]
    assert list(mixed.files) == files
    assert mixed.by_file().keys() == table.keys()


@pytest.mark.promise("load takes")
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_of_an_image_is_taken_as_its_file_is_or_refused_with_its_words(model, mode):
    if mode == "I;16":
        image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200)
    else:
        image = Image.fromarray(PIXELS).convert("RGB" if mode in ("CMYK", "YCbCr", "P") else "RGBA").convert(mode)
    content = io.BytesIO()
    image.save(content, "TIFF")
    Path("a.tif").write_bytes(content.getvalue())
    opened = Image.open(io.BytesIO(content.getvalue()))
    ways = ["a.tif", Path("a.tif"), content.getvalue(), opened, image]
    if mode == "I;16":
        lines = set()
        for way in ways:
            with pytest.raises(UserError) as caught:
                model(way)
            lines.add(str(caught.value).partition(": ")[2].partition(";")[0])
        assert len(lines) == 1
        return
    rows = [model.probabilities(way) for way in ways]
    if mode in ("L", "RGB", "RGBA"):
        rows.append(model.probabilities(np.asarray(image)))
    assert all(np.array_equal(row, rows[0]) for row in rows)


@pytest.mark.promise("load embeds")
def test_embeddings_are_what_the_head_is_given(model, photos):
    embeddings = model.embeddings(photos)
    assert (embeddings.shape, embeddings.dtype) == ((7, 4), np.float32)
    with torch.inference_mode():
        logits = model.network.fc(torch.from_numpy(np.array(embeddings)))
    np.testing.assert_allclose(logits.softmax(1).numpy(), model.probabilities(photos), atol=1e-6)
    assert embeddings.files == model(photos).files
    assert model.embeddings([]).shape == (0, 0)
    assert not model.network.fc._forward_pre_hooks


def test_embeddings_of_a_head_of_several_modules_are_refused(model):
    network = model._loaded.layers
    object.__setattr__(network, "groups", {**network.groups, "head": ("layer4", "fc")})
    with pytest.raises(ConfigError, match=r"^embeddings: the head group 'head' is not one module but layer4, fc"):
        model.embeddings(PIXELS)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (torch.ones(2, 3).bfloat16(), torch.ones(2, 3)),
        (torch.arange(8.0).view(1, 2, 2, 2), torch.tensor([[1.5, 5.5]])),
        ([torch.ones(1, 2, 2, 2), torch.zeros(1, 1, 1, 1)], torch.tensor([[1.0, 1.0, 0.0]])),
    ],
)
def test_maps_are_averaged_one_after_another(given, wanted):
    class Head(torch.nn.Module):
        def forward(self, x):
            if isinstance(x, list):
                x.clear()  # as YOLO's head writes into its list
            return x

    module = torch.nn.Sequential(Head())
    with HeadInput(Network(module, {"head": ("0",)}, "head")) as captured:
        module(given)
        found = captured.take_vector()
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted)
        module(torch.ones(2, 3, 4))
        with pytest.raises(RuntimeError, match=r"neither a vector nor maps of each image, but \(2, 3, 4\)"):
            captured.take_vector()


def test_an_iterable_is_read_as_it_is_needed(model, monkeypatch):
    taken, seen = [], []

    def images():
        for i in range(50):
            taken.append(i)
            yield PIXELS

    outputs = model.outputs
    monkeypatch.setattr(model, "outputs", lambda batch: seen.append(len(taken)) or outputs(batch))
    monkeypatch.setattr(LabelPredictor, "batch_size", 10)
    assert len(model(images())) == 50
    assert seen == [10, 20, 30, 40, 50]


@pytest.mark.promise("NaN in load")
def test_images_without_finite_outputs_are_named(model, photos):
    with torch.no_grad():
        model.network.fc.bias.fill_(torch.nan)
    with pytest.raises(NonFiniteOutputs, match=r"for 7 of 7 .*counted from 0: photos/2\.jpg, photos/9\.png, "):
        model(photos)


def unfinished() -> None:
    write_record(Path("half"), record(status="interrupted"))


@pytest.mark.promise("from Python")
@pytest.mark.parametrize(
    ("arguments", "load", "images"),
    [
        (["run=nowhere"], {"run": "nowhere"}, None),
        (["run=half"], {"run": "half"}, None),
        (["run=run", "device=cuda:99"], {"device": "cuda:99"}, None),
        (["run=run", "device=abacus"], {"device": "abacus"}, None),
        (["run=run", "calibrated=true"], {"calibrated": True}, None),
        (["run=run"], {}, "photo"),
        (["run=run"], {}, "photos/*.gif"),
        (["run=run"], {}, "empty"),
        (["run=run"], {}, "broken"),
    ],
)
def test_what_is_wrong_is_an_exception_with_predicts_line(model, photos, arguments, load, images):
    Path("half").mkdir()
    Path("empty").mkdir()
    unfinished()
    Path("broken").mkdir()
    (photos / "3.png").rename("broken/3.png")
    command = call("predict", *arguments, f"input={images or photos}")
    with pytest.raises(UserError) as caught:
        tlbench.load(**{"run": "run", "device": "cpu", **load})(images or photos)
    assert command.code == 2
    assert command.err.splitlines()[-1] == f"{type(caught.value).__name__}: {caught.value}"


def test_one_file_that_cannot_be_read_is_an_error_with_its_reason(model, photos, capsys):
    for images in (photos / "3.png", [photos / "9.png", photos / "3.png"]):
        with pytest.raises(UserError) as caught:
            model(images)
        assert str(caught.value) == (
            "photos/3.png: not an image, or of a kind that is not read; replace it or leave it out"
        )
    assert capsys.readouterr().err == ""
