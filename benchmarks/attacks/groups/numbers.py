"""Numbers that diverge: learning rates, weights, images and networks' outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.attacks.attack import Attack, Attacks, Expect, Place, Result
from benchmarks.attacks.commands import IMAGES, PAGES, as_source, reading, tool, train
from benchmarks.attacks.images import draw_folder
from benchmarks.attacks.oracles import both, complete, either, failed, refused
from benchmarks.attacks.runs import forge_weights, read_record

_DIVERGED = "NaN|nan|finite"


def attacks() -> Attacks:
    """Training that diverges, networks that do, weights that have, images that are strange."""
    diverged = failed(_DIVERGED)
    for name, overrides in _DIVERGING.items():
        yield Attack("training that diverges", name, _nothing, (Expect(train(*overrides), diverged),))
    for name, overrides in _DIVERGING_DETECTION.items():
        command = train(*overrides, base=PAGES, seconds=200)
        yield Attack("training that diverges", f"detection, {name}", _nothing, (Expect(command, diverged),))
    for name, overrides in _REFUSED.items():
        yield Attack("values that are refused", name, _nothing, (Expect(train(*overrides), refused()),))
    for name, overrides in _EXTREME.items():
        oracle = either(both(complete(), _finite), diverged)
        yield Attack("extreme values", name, _nothing, (Expect(train(*overrides), oracle),))
    for value in ("nan", "inf"):
        for when in (True, False):
            arguments = f"model.arguments={{value: '{value}', training: {str(when).lower()}}}"
            step = Expect(train("model.import_path=tinynet:Spoiled", arguments), diverged)
            where = "always" if when else "in validation and test"
            yield Attack("networks that give no numbers", f"{value} {where}", _nothing, (step,))
        some = f"model.arguments={{value: '{value}', above: -1.6}}"
        step = Expect(train("model.import_path=tinynet:Spoiled", some), either(diverged, complete()))
        yield Attack("networks that give no numbers", f"{value} of bright images", _nothing, (step,))
    masked = train("model.import_path=tinynet:Spoiled", "model.arguments={value: '-inf'}")
    yield Attack("networks that give no numbers", "-inf, which is allowed", _nothing, (Expect(masked, complete()),))
    yield from _weights()
    for name, draw in _IMAGES.items():
        oracle = either(both(complete(), _finite), refused())
        yield Attack("images", name, partial(_drawn, draw), (Expect(train(base=IMAGES), oracle),))


def _nothing(_: Place) -> None:
    """An empty folder."""


_BIG = "optimizer.lr=1e30"
_DIVERGING: dict[str, tuple[str, ...]] = {
    "lr=1e30, AdamW": (_BIG,),
    "lr=1e30, AdamW, EMA": (_BIG, "callbacks.ema_decay=0.9"),
    "lr=1e30, SGD": ("optimizer=sgd", _BIG),
    "lr=1e30, SGD, EMA": ("optimizer=sgd", _BIG, "callbacks.ema_decay=0.99"),
    "lr=1e30 in one step": (_BIG, "trainer.max_epochs=1", "data.batch_size=100"),
    "lr=1e30 in one step, EMA": (_BIG, "trainer.max_epochs=1", "data.batch_size=100", "callbacks.ema_decay=0.9"),
    "lr=1e30, bf16": (_BIG, "trainer.precision=bf16-mixed"),
    "lr=1e30, frozen backbone": (_BIG, "strategy=feature_extractor"),
    "lr=1e38, without test": ("optimizer.lr=1e38", "test=false"),
    "lr=1e30, watching the loss": (_BIG, "callbacks.monitor=val/loss"),
}

_DIVERGING_DETECTION: dict[str, tuple[str, ...]] = {
    "lr=1e30": (_BIG,),
    "lr=1e30, EMA": (_BIG, "callbacks.ema_decay=0.9"),
    "lr=1e30, bf16": (_BIG, "trainer.precision=bf16-mixed"),
}

_REFUSED: dict[str, tuple[str, ...]] = {
    "lr=inf": ("optimizer.lr=inf",),
    "lr=nan": ("optimizer.lr=nan",),
    "lr=-1": ("optimizer.lr=-1",),
    "weight_decay=nan": ("optimizer.weight_decay=nan",),
    "clip_norm=nan": ("optimizer.clip_norm=nan",),
    "clip_norm=inf": ("optimizer.clip_norm=inf",),
    "ema_decay=1": ("callbacks.ema_decay=1.0",),
    "ema_decay=nan": ("callbacks.ema_decay=nan",),
    "seed of 20 digits": ("seed=99999999999999999999",),
    "seed=-1": ("seed=-1",),
    "max_epochs=0": ("trainer.max_epochs=0",),
    "max_epochs=-1": ("trainer.max_epochs=-1",),
    "batch_size=0": ("data.batch_size=0",),
    "batch_size=10^30": (f"data.batch_size={10**30}",),
    "image_size=0": ("data.image_size=0",),
    "val_fraction=nan": ("data.val_fraction=nan",),
    "val_fraction=1e-9": ("data.val_fraction=1e-9",),
    "label_smoothing=nan": ("task.label_smoothing=nan",),
    "mixup=inf": ("augmentation.mixup=inf",),
    "16-mixed on the CPU": ("trainer.precision=16-mixed",),
    "a mean of NaN": ("data.normalisation={mean: [.nan, 0.5, 0.5], std: [1, 1, 1]}",),
    "a deviation of 0": ("data.normalisation={mean: [0.5, 0.5, 0.5], std: [0, 1, 1]}",),
}

_EXTREME: dict[str, tuple[str, ...]] = {
    "weight_decay=1e30": ("optimizer.weight_decay=1e30",),
    "clip_norm=1e-30": ("optimizer.clip_norm=1e-30",),
    "lr=1e-45": ("optimizer.lr=1e-45",),
    "label_smoothing near 1": ("task.label_smoothing=0.999",),
    "bf16, lr=1000": ("trainer.precision=bf16-mixed", "optimizer.lr=1000"),
    "a last batch of one": ("data.shots=3", "data.batch_size=29"),
    "a deviation of 1e-30": ("data.normalisation={mean: [0.5, 0.5, 0.5], std: [1e-30, 1e-30, 1e-30]}",),
    "l2_sp=1e30": ("regulariser=l2_sp", "regulariser.l2_sp=1e30"),
}


def _finite(result: Result) -> list[str]:
    """No metric of a complete run is undefined that always has a value."""
    metrics = read_record(result.place.folder / "run")["metrics"]
    return [f"{name} is null in a complete record" for name in ("test/oa", "test/loss") if metrics.get(name) is None]


# ---- weights of a finished run


def _weights() -> Attacks:
    predict = tool("predict", "run=run", "input=pictures", "output=new.csv")
    for value in ("nan", "inf"):
        for tensor in ("network.fc.bias", "network.stem.0.weight", "network.stem.1.running_var"):
            draw = partial(_spoiled, tensor, float(value))
            for way, command in {**reading(), "source": as_source()}.items():
                oracle = either(refused("finite|NaN"), _told)
                if (value, tensor) in _HARMLESS and way != "source":
                    oracle = either(oracle, _numbers_all_the_same)
                title = f"{value} in {tensor.removeprefix('network.')}, {way}"
                yield Attack("weights of a run that are no numbers", title, draw, (Expect(command, oracle),))
    for value in ("nan", "inf"):
        arguments = f"model.arguments={{value: '{value}', above: 1.0}}"
        trained = Expect(train("model.import_path=tinynet:Spoiled", arguments), complete())
        steps = (trained, _bright_and_dark, Expect(predict, _others_written))
        yield Attack("weights of a run that are no numbers", f"{value} for bright images, predict", _nothing, steps)


_HARMLESS = (("inf", "network.stem.0.weight"), ("inf", "network.stem.1.running_var"))
"""What may become zeros on its way through the network."""


def _told(result: Result) -> list[str]:
    """Exit code 1, and the line says that there are no numbers."""
    code, said = result.outcome.code, result.outcome.err
    wrong = [] if code == 1 else [f"exit code {code}, wanted 1 or 2"]
    return wrong if any(word in said for word in _DIVERGED.split("|")) else [*wrong, "it was not said why"]


def _numbers_all_the_same(result: Result) -> list[str]:
    """An infinite weight may lead to nothing but zeros; what is then given are numbers, or said not to be the run's."""
    if result.outcome.code == 1 and "differ from the recorded" in result.outcome.err:
        return []
    wrong = [] if result.outcome.code == 0 else [f"exit code {result.outcome.code}, wanted 0"]
    table = result.place.folder / "table.csv"
    undefined = table.is_file() and any(word in table.read_text().lower() for word in ("nan", "inf"))
    return wrong + (["there are NaN in the table"] if undefined else [])


def _spoiled(tensor: str, value: float, place: Place) -> None:
    place.copy("digits")

    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[tensor].view(-1)[0] = value

    forge_weights(change)


def _bright_and_dark(_: Place) -> list[str]:
    Path("pictures").mkdir()
    for name, value in (("dark", 0), ("white", 255), ("black", 3)):
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(f"pictures/{name}.png")
    return []


def _others_written(result: Result) -> list[str]:
    """The image without numbers is named, the others are in the table, the exit code is 1."""
    wrong = [] if result.outcome.code == 1 else [f"exit code {result.outcome.code}, wanted 1"]
    if "white.png" not in result.outcome.err:
        wrong.append("white.png was not named")
    table = result.place.folder / "new.csv"
    text = table.read_text() if table.is_file() else ""
    wrong += [f"{name} is not in the table" for name in ("dark.png", "black.png") if name not in text]
    return wrong + (["there are NaN in the table"] if "nan" in text.lower() else [])


# ---- images


def _drawn(draw: Callable[[], object], _: Place) -> None:
    draw()


def _each(pixels: Callable[[int, int], Any], suffix: str = "png") -> Callable[[], None]:
    def draw() -> None:
        for label in range(2):
            for i in range(12):
                path = Path(f"images/c{label}/{i}.{suffix}")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels(label, i)).save(path)

    return draw


def _one_class() -> None:
    draw_folder(Path("images"), ("only",))


def _one_image() -> None:
    draw_folder(Path("images"), count=1)


def _three_images() -> None:
    draw_folder(Path("images"), count=3)


def _empty_split() -> None:
    draw_folder(Path("images/train"))
    draw_folder(Path("images/test"))
    for name in ("cat", "dog"):
        Path("images/val", name).mkdir(parents=True)


_IMAGES: dict[str, Callable[[], object]] = {
    "black": _each(lambda *_: np.zeros((20, 20, 3), np.uint8)),
    "1 × 1": _each(lambda label, i: np.full((1, 1, 3), 20 * i + label, np.uint8)),
    "1 × 5000": _each(lambda label, i: np.full((1, 5000, 3), (20 * i + label) % 255, np.uint8)),
    "NaN": _each(lambda *_: np.full((20, 20), np.nan, np.float32), "tiff"),
    "infinite": _each(lambda *_: np.full((20, 20), np.inf, np.float32), "tiff"),
    "some NaN": _each(lambda label, i: np.array([[np.nan, 1.0 + label + i]] * 2, np.float32), "tiff"),
    "beyond 16 bits": _each(lambda *_: np.full((20, 20), 1 << 30, np.int32), "tiff"),
    "16 bits": _each(lambda label, i: np.full((20, 20), 999 * i + label, np.uint16)),
    "of two values": _each(lambda label, i: np.eye(20, k=label + i) > 0),
    "one class": _one_class,
    "one image a class": _one_image,
    "three images a class": _three_images,
    "an empty split": _empty_split,
}
