"""What both sides of `benchmarks.detection` are given: images, initial weights, and one recipe for two trainers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from tlbench.annotations.instances.config import InstanceAugmentation, InstanceDataConfig, mosaic_epochs
from tlbench.annotations.instances.instances import Instances
from tlbench.config import TrainConfig
from tlbench.config.compose import compose_config
from tlbench.data.listing import Listing
from tlbench.data.open import open_target
from tlbench.errors import DataError
from tlbench.networks.build import build_network
from tlbench.networks.libraries.ultralytics import QUIET
from tlbench.sources.load import apply_source
from tlbench.system.voice import SILENT, Voice
from tlbench.tasks.detection.config import DetectionConfig

AMP = {"32-true": False, "bf16-mixed": "bf16"}
"""tlbench's precision → ultralytics' amp. fp16 is left out, as ultralytics downloads weights to check it."""

ULTRALYTICS_WORKERS = 8
"""Its default; it takes none on a CPU, and no more than there are cores or batches."""


@dataclass(frozen=True)
class Setting:
    """One comparison.

    Args:
        root: Signature's folder, only read.
        source: `random`, `documents`, `coco` or a file of weights.
        side: Of the network's input, pixels.
        batch: Images a training step.
        epochs: Of a run.
        device: `cpu` or `cuda`.
        threads: Of torch, on both sides.
        precision: A key of `AMP`.
        fraction: Of the training images; both sides get the same ones.
        more: Further overrides of tlbench's configuration.
        ultralytics: Options of ultralytics that replace those of the recipe.
        work: Everything is written there.
    """

    root: Path
    source: str
    side: int
    batch: int
    epochs: int
    device: str
    threads: int
    precision: str
    fraction: float
    more: tuple[str, ...]
    ultralytics: dict[str, Any]
    work: Path

    def environment(self) -> dict[str, str]:
        """Variables of the children."""
        quiet = {name: value for name, value in QUIET.items() if name != "ULTRALYTICS_SAFE_LOAD"}  # it loads its own
        threads = str(self.threads)
        own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "TLBENCH_CACHE": str(self.work / "cache")}
        return {**quiet, **own, "YOLO_CONFIG_DIR": str(self.work / "config")}

    def overrides(self, seed: int, epochs: int | None = None, strategy: Sequence[str] = ()) -> list[str]:
        """The command line of a run of tlbench."""
        known = self.source in ("random", "documents", "coco")
        return [
            "task=detection",
            "data=signature",
            f"data.root={self.root}",
            "data.split=official",
            f"data.image_size={self.side}",
            "data.antialias=false",  # as ultralytics shrinks images
            f"data.batch_size={self.batch}",
            f"data.fraction={self.fraction}",
            f"source={self.source if known else 'checkpoint'}",
            *([] if known else [f"checkpoint={self.source}"]),
            f"trainer={'gpu' if self.device == 'cuda' else 'cpu'}",
            f"trainer.precision={self.precision}",
            f"trainer.channels_last={'true' if self.device == 'cuda' else 'false'}",  # as ultralytics does by itself
            f"trainer.max_epochs={epochs or self.epochs}",
            f"seed={seed}",
            "test=false",
            *strategy,
            *self.more,
        ]

    def config(self, seed: int) -> TrainConfig:
        """The same, composed."""
        return compose_config(self.overrides(seed))

    @property
    def antialias(self) -> bool:
        """Whether tlbench averages the pixels of what it shrinks."""
        data = self.config(0).data
        assert isinstance(data, InstanceDataConfig)
        return data.antialias


def lay_out(setting: Setting) -> dict[str, int]:
    """Copy images and labels for ultralytics, which writes beside them, and list the splits that tlbench makes.

    Returns:
        Split → images. `test` is the official val.

    Raises:
        DataError: There is no such data, or tlbench mends its labels, so that the two sides would not learn the same.
    """
    os.environ["TLBENCH_CACHE"] = setting.environment()["TLBENCH_CACHE"]
    config = setting.config(0)
    assert isinstance(config.data, InstanceDataConfig)
    target = open_target(config.data, config.seeds.split, Voice(SILENT.say, print))
    folder = setting.work / "data"
    lists: dict[str, str] = {}
    counts: dict[str, int] = {}
    for split, images in target.splits.items():
        listing = images.listing
        assert listing is not None
        if listing.mended:
            raise DataError(f"{listing.root}: labels were mended ({', '.join(listing.mended)}); correct them first")
        counts[split] = len(listing)
        lists[split] = _copy(listing, folder, split)
    names = dict(enumerate(target.class_names))
    (folder / "data.yaml").write_text(yaml.safe_dump({"path": str(folder), **lists, "names": names}))
    return counts


def _copy(listing: Listing[Instances], folder: Path, split: str) -> str:
    copies = []
    for name in listing.names:
        label = Path("labels") / Path(name).relative_to("images").with_suffix(".txt")
        for relative in (Path(name), label):
            copy = folder / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (listing.root / relative).is_file():
                shutil.copyfile(listing.root / relative, copy)
        copies.append(str(folder / name))
    (folder / f"{split}.txt").write_text("\n".join(copies) + "\n")
    return f"{split}.txt"


def forget_caches(setting: Setting) -> None:
    """Remove what both sides keep of earlier runs: ultralytics' lists of labels, tlbench's decoded images."""
    shutil.rmtree(setting.work / "cache", ignore_errors=True)
    for cache in (setting.work / "data").rglob("*.cache"):
        cache.unlink()


def initial_weights(setting: Setting, seed: int) -> Path:
    """The network with which both sides begin, whole, as ultralytics' side loads it."""
    file = setting.work / f"initial_{seed}.pt"
    if not file.exists():
        config = setting.config(seed)
        assert isinstance(config.data, InstanceDataConfig)
        names = yaml.safe_load((setting.work / "data" / "data.yaml").read_text())["names"]
        network = build_network(config.model, len(names), config.seeds.init, config.data.input_size)
        apply_source(network, config.source, config.model, config.data)
        head: Any = network.module.model[-1]  # type: ignore[index]
        head.__class__ = type(head).__base__  # ultralytics' own, which its side can load
        torch.save(network.module, file)
    return file


def recipe(setting: Setting, seed: int) -> dict[str, Any]:
    """Options of ultralytics for what tlbench's configuration says; nothing is left to its `auto`."""
    config = setting.config(seed)
    optimizer, augmentation, task = config.optimizer, config.augmentation, config.task
    assert isinstance(augmentation, InstanceAugmentation)
    assert isinstance(task, DetectionConfig)
    assert optimizer.name == "adamw"
    assert optimizer.betas is not None
    epochs = config.trainer.max_epochs
    return {
        "model": f"{config.model.name}.yaml",  # never read: the network is given
        "data": str(setting.work / "data" / "data.yaml"),
        "project": str(setting.work / "ultralytics"),
        "name": f"seed_{seed}",
        "exist_ok": True,
        "epochs": epochs,
        "batch": setting.batch,
        "imgsz": setting.side,
        "device": "0" if setting.device == "cuda" else "cpu",
        "workers": ULTRALYTICS_WORKERS,
        "seed": seed,
        "deterministic": True,
        "pretrained": False,
        "amp": AMP[setting.precision],
        "optimizer": "AdamW",
        "lr0": optimizer.lr,
        "lrf": optimizer.final_lr,
        "momentum": optimizer.betas[0],
        "weight_decay": optimizer.weight_decay,
        "warmup_epochs": min(optimizer.warmup_epochs, epochs - 1),
        "warmup_bias_lr": 0.0,
        "nbs": optimizer.nominal_batch,
        "box": task.box,
        "cls": task.cls,
        "dfl": task.dfl,
        "mosaic": augmentation.mosaic,
        "close_mosaic": epochs - mosaic_epochs(augmentation, epochs),
        "scale": augmentation.scale,
        "translate": augmentation.translate,
        "hsv_h": augmentation.hsv_h,
        "hsv_s": augmentation.hsv_s,
        "hsv_v": augmentation.hsv_v,
        "fliplr": augmentation.flip,
        "flipud": 0.0,
        "degrees": 0.0,
        "shear": 0.0,
        "perspective": 0.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "copy_paste": 0.0,
        "erasing": 0.0,
        "auto_augment": None,
        "multi_scale": 0.0,
        "patience": 0,  # never stops early
        "val": True,
        "conf": task.min_confidence,
        "iou": task.nms_iou,
        "max_det": task.max_detections,
        "plots": False,
        "save": True,  # in each epoch, as by default; tlbench does so as well
        "verbose": False,
        **setting.ultralytics,
    }


def validation(setting: Setting) -> dict[str, Any]:
    """Options of ultralytics' validator, on the official val."""
    known = recipe(setting, 0)
    kept = ("data", "imgsz", "batch", "device", "workers", "conf", "iou", "max_det", "plots", "verbose")
    return {**{key: known[key] for key in kept}, "split": "test"}
