"""What a user can get wrong, each as a whole command: the cases behind `docs/bad-input.md`.

A case is named as its row there. It changes a folder in which a complete run, images, a CSV file and weights lie.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.commands import TINY_RANDOM
from tests.locks import fabricate
from tests.tiny_network import tiny_network
from tlbench.config.hash import config_hash
from tlbench.networks.libraries.torchvision import resnet18

FILES = "images", "list.csv", "weights.safetensors", "run"
RUN = (*TINY_RANDOM, "hydra.run.dir=run")
"""The complete run's command; with `rerun=true` it is begun again."""
NEW = (*TINY_RANDOM, "hydra.run.dir=new")
_OWN = ("data.image_size=32", "data.shots=null", "data.val_fraction=0.2", "data.test_fraction=0.2")
FOLDER = (*NEW, "data=image_folder", "data.root=images", *_OWN)
CSV = (*NEW, "data=image_csv", "data.root=list.csv", *_OWN)
CHECKPOINT = (*NEW, "source=checkpoint", "source.path=weights.safetensors")


def draw_files() -> None:
    """Images of two classes, a CSV file that lists them, weights; all but the run."""
    rng = np.random.default_rng(0)
    for i in range(24):
        path = Path("images", "cat" if i % 2 else "dog", f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    rows = [f"{path},{path.parent.name},train" for path in sorted(Path("images").glob("*/*"))]
    Path("list.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
    save_file(tiny_network(10).module.state_dict(), "weights.safetensors")


@dataclass(frozen=True)
class Case:
    """A command that must be refused.

    Attributes:
        arguments: Of the command line.
        spoil: Makes the input bad, in the folder that `draw_files` drew.
        entry: The module of the command.
        environment: Variables of the command.
        rewrites: Files that are the command's own to renew.
        warnings: Lines on stderr before the last.
    """

    arguments: tuple[str, ...]
    spoil: Callable[[], object] = lambda: None
    entry: str = "train"
    environment: dict[str, str] = field(default_factory=dict)
    rewrites: tuple[str, ...] = ()
    warnings: int = 0


def _train(*arguments: str, spoil: Callable[[], object] = lambda: None, **environment: str) -> Case:
    return Case((*NEW, *arguments), spoil, environment=environment)


# ---- data


def _unreadable() -> None:
    Path("images/cat/1.png").write_bytes(b"not an image")


def _no_images() -> None:
    Path("no_images").mkdir()
    for name in ("a.npz", "b.npz"):
        Path("no_images", name).write_bytes(b"no image")


def _cut_short() -> None:
    path = Path("images/cat/1.jpg")
    Image.open("images/cat/1.png").resize((200, 200)).save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-5000])


def _postscript() -> None:
    Path("images/cat/1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")


def _loop() -> None:
    Path("images/cat/loop").symlink_to(".")


def _stride_0() -> None:
    torch.save({"w": torch.zeros(1).expand(5 * 10**9, 5)}, "w.pt")


def _laughs() -> None:
    Path("configs").mkdir()
    lines = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    Path("configs/mine.yaml").write_text("\n".join(["a0: &a0 [x]", *lines]))


def _listed(old: str, new: str) -> Callable[[], object]:
    """Change the first such text in the CSV file."""
    return lambda: Path("list.csv").write_text(Path("list.csv").read_text().replace(old, new, 1))


def _empty_class() -> None:
    Path("images/emu").mkdir()


def _no_classes() -> None:
    for name in ("cat", "dog"):
        for path in Path("images", name).iterdir():
            path.rename(Path("images", path.name))
        Path("images", name).rmdir()


def _mixed() -> None:
    shutil.copytree("images/cat", "images/train/cat")


def _one_split_only() -> None:
    shutil.copytree("images", "splits/train")
    shutil.copytree("images/cat", "splits/test/cat")


DATA = {
    "a folder of images that is not there": Case((*FOLDER, "data.root=imagse")),
    "a file for a folder of images": Case((*FOLDER, "data.root=list.csv")),
    "no folder of images given": Case((*FOLDER, "data.root=null")),
    "images without class folders": Case(FOLDER, _no_classes),
    "a class folder without images": Case(FOLDER, _empty_class),
    "splits beside classes": Case(FOLDER, _mixed),
    "a class that one split lacks": Case((*FOLDER, "data.root=splits"), _one_split_only),
    "a file that is no image": Case(FOLDER, _unreadable),
    "an image cut short": Case(FOLDER, _cut_short),
    "an EPS file named as a picture": Case(FOLDER, _postscript),
    "a picture of more pixels than allowed": Case((*FOLDER, "data.limits.max_image_megapixels=0.001")),
    "more classes than allowed": Case((*CSV, "data.limits.max_classes=2"), _listed("cat/1.png,cat", "cat/1.png,cow")),
    "a link to the folder it lies in": Case(FOLDER, _loop),
    "a class name that the data lack": Case((*FOLDER, "data.classes=[cat,cow]")),
    "a CSV file without a column": Case(CSV, _listed("path,label", "path,index")),
    "a CSV file that names no file": Case(CSV, _listed("images/cat/1.png", "images/cat/one.png")),
    "a CSV file with another split": Case(CSV, _listed(",train", ",other")),
    "a CSV file with an empty label": Case(CSV, _listed(",cat,", ",,")),
    "a CSV file with an image twice": Case(CSV, _listed("images/cat/1.png", "images/cat/3.png")),
    "a picture for a CSV file": Case((*CSV, "data.root=images/cat/1.png")),
    "more images a class than there are": Case((*FOLDER, "data.shots=50")),
    "a batch larger than the data": Case((*FOLDER, "data.batch_size=500")),
}

# ---- weights


class Harmful:
    """Makes a folder where it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("trace",))


def _truncated() -> None:
    path = Path("weights.safetensors")
    path.write_bytes(path.read_bytes()[:-100])


def _not_finite() -> None:
    state = {name: tensor.clone() for name, tensor in load_file("weights.safetensors").items()}
    state["conv1.weight"][0] = float("nan")
    save_file(state, "weights.safetensors")


def _incomplete() -> None:
    record = json.loads(Path("run/record.json").read_text())
    Path("run/record.json").write_text(json.dumps({**record, "status": "interrupted"}))


def _other_weights() -> None:
    Path("kept").mkdir()
    torch.save(tiny_network(10).module.state_dict(), "kept/resnet18-f37072fd.pth")


WEIGHTS = {
    "a weights file that is not there": _train("source=checkpoint", "source.path=wieghts.safetensors"),
    "no weights file given": _train("source=checkpoint"),
    "a weights file cut short": Case(CHECKPOINT, _truncated),
    "an empty weights file": Case(CHECKPOINT, lambda: Path("weights.safetensors").write_bytes(b"")),
    "a pickle that would run code": _train(
        "source=checkpoint", "source.path=w.pt", spoil=lambda: Path("w.pt").write_bytes(pickle.dumps(Harmful()))
    ),
    "weights that would take far more memory than their file": _train(
        "source=checkpoint", "source.path=w.pt", spoil=_stride_0
    ),
    "weights of another architecture": Case(
        CHECKPOINT, lambda: save_file(resnet18(10).module.state_dict(), "weights.safetensors")
    ),
    "weights that are not finite": Case(CHECKPOINT, _not_finite),
    "a folder without a run as source": _train("source=checkpoint", "source.path=images"),
    "weights that are not those they are named as": _train(
        "source=imagenet", spoil=_other_weights, TLBENCH_WEIGHTS="kept"
    ),
    "weights that are not here, without a network": _train("source=imagenet"),
    "weights of another model": _train("source=tin200", "model=efficientnet_lite0"),
    "a run as source that is not complete": _train("source=checkpoint", "source.path=run", spoil=_incomplete),
}

# ---- configuration

CONFIG = {
    "an unknown key": _train("optimiser.lr=1"),
    "a word for a number": _train("optimizer.lr=fast"),
    "a value out of range": _train("data.val_fraction=1.5"),
    "a folder of configurations whose aliases grow": _train("--config-dir", "configs", spoil=_laughs),
    "an unknown option of a group": _train("source=imagenett"),
    "an override without a value": _train("optimizer.lr"),
    "an unknown network of timm": _train("model=timm", "model.name=resnet19"),
    "a network of one's own that is not there": _train(
        "model=module", "model.import_path=nowhere:Net", "model.groups={stem: [a], head: [b]}"
    ),
    "a layer group that the network lacks": _train("strategy=gradual_unfreezing", "strategy.stages=[[head],[layer9]]"),
    "the best epoch chosen on test": _train("callbacks.monitor=test/oa"),
    "two values without -m": _train("source=random,tin200"),
    "tuning without a study": _train("tune=optimizer.lr"),
    "a range from high to low": Case(
        (*TINY_RANDOM, "-m", "hydra.sweep.dir=new", "tune=optimizer.lr", "tuning.ranges.optimizer.lr=[0.1,0.01]")
    ),
    "W&B online without a key": _train("logger=wandb"),
    "an MLflow server that does not answer": _train("logger=mlflow", "logger.mlflow.tracking_uri=http://127.0.0.1:9"),
    "a study's name that is no folder's": _train("study='../up'"),
}

# ---- run folders


def _other_format() -> None:
    record = json.loads(Path("run/record.json").read_text())
    Path("run/record.json").write_text(json.dumps({**record, "format": 99}))


def _damaged() -> None:
    path = Path("run/best.ckpt")
    path.write_bytes(path.read_bytes()[:-100])


def _second_run() -> None:
    shutil.copytree("run", "other")


def _run_on_other_data() -> None:
    _second_run()
    record = json.loads(Path("other/record.json").read_text())
    record["data"]["fingerprints"]["test"] = "0" * 64
    Path("other/record.json").write_text(json.dumps(record))


def _second_run_incomplete() -> None:
    _second_run()
    _incomplete()


def _edited() -> None:
    record = json.loads(Path("run/record.json").read_text())
    record["config"]["optimizer"]["lr"] = 0.5
    Path("run/record.json").write_text(json.dumps(record))


def _with_nan() -> None:
    path = Path("run/record.json")
    path.write_text(path.read_text().replace('"epoch": 1.0', '"epoch": NaN', 1))
    assert "NaN" in path.read_text()


def _code() -> None:
    model = {"library": "module", "import_path": "os:system", "arguments": {"command": "rm -r ."}}
    _edit("model", {**model, "groups": {"body": ["conv1"], "head": ["fc"]}})


def _other_root() -> None:
    _edit("data", {"root": "/home"})


def _edit(group: str, values: dict[str, Any]) -> None:
    record = json.loads(Path("run/record.json").read_text())
    record["config"][group] |= values
    record["config_hash"] = config_hash(record["config"])  # whoever sends a folder can compute it
    Path("run/record.json").write_text(json.dumps(record))


def _unknown() -> None:
    Path("run/record.json").unlink()
    Path("run/config.yaml").unlink()


RUNS = {
    "a folder with another run": Case((*RUN, "optimizer.lr=0.5")),
    "a folder in which another process works": Case((*RUN, "rerun=true"), lambda: fabricate(Path("run"))),
    "a folder in which a process works that cannot be seen": Case(
        (*RUN, "rerun=true"), lambda: fabricate(Path("run"), host="node7", boot="other", machine="other")
    ),
    "something else in the place of a run's lock": Case((*RUN, "rerun=true"), lambda: Path("run/.lock").mkdir()),
    "a record of another format": Case(RUN, _other_format),
    "a record with an edited configuration": Case((*RUN, "optimizer.lr=0.5"), _edited),
    "a record with a number that is none": Case(RUN, _with_nan),
    "a checkpoint of an unknown run": Case(RUN, _unknown),
    "evaluate a run that is not there": Case(("run=rnu",), entry="evaluate"),
    "evaluate a run that is not complete": Case(("run=run",), _incomplete, "evaluate"),
    "evaluate on data of other classes": Case(
        ("run=run", "data=image_folder", "data.root=images", "split=all"), entry="evaluate"
    ),
    "predict with a run without checkpoint": Case(
        ("run=run", "input=images"), lambda: Path("run/best.ckpt").unlink(), "predict"
    ),
    "predict with a damaged checkpoint": Case(("run=run", "input=images"), _damaged, "predict"),
    "export a folder that holds no run": Case(("run=images",), entry="export"),
    "compare with a run that is not there": Case(("run", "rnu"), entry="compare"),
    "compare a run that is not complete": Case(("run", "other"), _second_run_incomplete, "compare"),
    "compare a run with itself": Case(("run", "run"), entry="compare"),
    "compare runs on different data": Case(("run", "other"), _run_on_other_data, "compare"),
    "compare by a metric that the runs lack": Case(("run", "other", "metric=test/map50"), _second_run, "compare"),
    "predict with a run whose record names somebody's code": Case(("run=run", "input=images"), _code, "predict"),
    "evaluate on data where somebody's record says": Case(("run=run",), _other_root, "evaluate"),
}

# ---- images to classify

INPUT = {
    "images to classify that are not there": Case(("run=run", "input=imagse"), entry="predict"),
    "a folder without images to classify": Case(("run=run", "input=no_images"), _no_images, entry="predict"),
    "a pattern that matches no file": Case(("run=run", "input=images/**/*.tiff"), entry="predict"),
    "only unreadable images to classify": Case(
        ("run=run", "input=images/cat/1.png"), _unreadable, "predict", warnings=1
    ),
    "predictions of an unknown kind": Case(("run=run", "input=images", "output=predictions.xlsx"), entry="predict"),
}

# ---- output


def _link_out() -> None:
    Path("new").mkdir()
    Path("new/hparams.yaml").symlink_to(Path("list.csv").absolute())


OUTPUT = {
    "a file where the run's folder should be": _train("hydra.run.dir=list.csv"),
    "a file on the way to the run's folder": _train("hydra.run.dir=list.csv/run"),
    "a disk that cannot be written": _train("hydra.run.dir=/proc/tlbench"),
    "predictions into a folder that cannot be written": Case(
        ("run=run", "input=images", "output=/proc/tlbench/p.csv"), entry="predict"
    ),
    "an export onto a folder": Case(("run=run", "output=images"), entry="export"),
    "a link out of the run's folder": _train(spoil=_link_out),
}

CASES = {**DATA, **WEIGHTS, **CONFIG, **RUNS, **INPUT, **OUTPUT}
