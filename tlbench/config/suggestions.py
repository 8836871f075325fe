"""What somebody may have meant: the keys and options nearest to what was given, or those that other tools call so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tlbench.tasks.registry import specs

KEYS_OF_PEERS: Mapping[str, tuple[str, ...]] = {
    "accelerator": ("trainer.accelerator",),
    "amp": ("trainer.precision",),
    "arch": ("model", "model.name"),
    "architecture": ("model", "model.name"),
    "aug": ("augmentation",),
    "augment": ("augmentation",),
    "backbone": ("model", "model.name"),
    "batch": ("data.batch_size",),
    "bs": ("data.batch_size",),
    "ckpt": ("checkpoint",),
    "ckpt_path": ("checkpoint",),
    "clip_grad": ("optimizer.clip_norm",),
    "conf": ("task.min_confidence",),
    "cuda": ("trainer.accelerator",),
    "data_dir": ("data.root",),
    "data_path": ("data.root",),
    "dataset": ("data",),
    "deterministic": ("seed",),
    "device": ("trainer.accelerator",),
    "early_stop": ("callbacks.early_stopping.patience",),
    "ema": ("callbacks.ema_decay",),
    "epochs": ("trainer.max_epochs",),
    "fine_tune_epochs": ("trainer.max_epochs",),
    "fliplr": ("augmentation.flip",),
    "fp16": ("trainer.precision",),
    "freeze": ("strategy",),
    "freeze_bn": ("callbacks.freeze_batch_norm",),
    "frozen": ("strategy",),
    "gpu": ("trainer.accelerator",),
    "gpus": ("trainer.devices",),
    "grad_clip": ("optimizer.clip_norm",),
    "gradient_clip_val": ("optimizer.clip_norm",),
    "half": ("trainer.precision",),
    "hflip": ("augmentation.flip",),
    "img_size": ("data.image_size",),
    "imgsz": ("data.image_size",),
    "input_size": ("data.image_size",),
    "iou": ("task.nms_iou",),
    "jobs": ("hydra.launcher.n_jobs",),
    "learning_rate": ("optimizer.lr",),
    "lr": ("optimizer.lr",),
    "lr0": ("optimizer.lr",),
    "lr_schedule": ("optimizer.schedule",),
    "lr_scheduler": ("optimizer.schedule",),
    "lrf": ("optimizer.final_lr",),
    "max_det": ("task.max_detections",),
    "max_steps": ("trainer.max_epochs",),
    "max_time": ("trainer.max_time_s",),
    "mean": ("data.normalisation.mean",),
    "metric": ("callbacks.monitor",),
    "min_lr": ("optimizer.final_lr",),
    "mixed_precision": ("trainer.precision",),
    "n_epochs": ("trainer.max_epochs",),
    "n_jobs": ("hydra.launcher.n_jobs",),
    "n_trials": ("tuning.trials",),
    "nbs": ("optimizer.nominal_batch",),
    "net": ("model", "model.name"),
    "network": ("model", "model.name"),
    "num_classes": ("data.classes",),
    "num_epochs": ("trainer.max_epochs",),
    "num_gpus": ("trainer.devices",),
    "num_workers": ("data.workers",),
    "opt": ("optimizer",),
    "optim": ("optimizer",),
    "optimizer.type": ("optimizer",),
    "out": ("hydra.run.dir", "study"),
    "output": ("hydra.run.dir", "study"),
    "output_dir": ("hydra.run.dir", "study"),
    "patience": ("callbacks.early_stopping.patience",),
    "path": ("data.root", "checkpoint"),
    "pretrained": ("source", "checkpoint"),
    "project": ("study",),
    "random_seed": ("seed",),
    "resolution": ("data.image_size",),
    "root": ("data.root",),
    "save_dir": ("hydra.run.dir", "study"),
    "save_period": ("callbacks.checkpoint.every_n_epochs",),
    "sched": ("optimizer.schedule",),
    "scheduler": ("optimizer.schedule",),
    "size": ("data.image_size",),
    "smoothing": ("task.label_smoothing",),
    "std": ("data.normalisation.std",),
    "test_size": ("data.test_fraction",),
    "train_batch_size": ("data.batch_size",),
    "transform": ("augmentation",),
    "transforms": ("augmentation",),
    "valid_pct": ("data.val_fraction",),
    "val_size": ("data.val_fraction",),
    "warmup": ("optimizer.warmup_epochs",),
    "wd": ("optimizer.weight_decay",),
    "weights": ("source", "checkpoint"),
}
"""What fastai, Keras, Lightning, timm, torchvision's scripts and ultralytics call a key → what it is here."""

OPTIONS_OF_PEERS: Mapping[str, Mapping[str, str]] = {
    "strategy": {
        "fine_tune": "full",
        "fine_tuning": "full",
        "finetune": "full",
        "finetuning": "full",
        "none": "full",
        "freeze": "feature_extractor",
        "frozen": "feature_extractor",
        "linear": "feature_extractor",
        "linear_probe": "feature_extractor",
        "linear_probing": "feature_extractor",
        "lp_ft": "head_then_full",
        "ulmfit": "gradual_unfreezing",
    },
    "source": {
        "none": "random",
        "scratch": "random",
        "tiny_imagenet": "tin200",
        "pretrained": "imagenet",
        "yolo": "coco",
    },
    "logger": {"none": "csv", "tb": "tensorboard"},
    "trainer": {"cuda": "gpu", "mps": "gpu", "default": "auto", "multi_gpu": "ddp"},
    "callbacks": {"none": "default"},
    "augmentation": {"flip": "crop_flip", "default": "crop_flip", "mosaic": "yolo"},
    "data": {"csv": "image_csv", "folder": "image_folder", "imagefolder": "image_folder", "ultralytics": "yolo"},
}
"""Group → what others call an option → the option."""

_MOST = 3
_KEY_CUTOFF, _PART_CUTOFF, _OPTION_CUTOFF = 0.6, 0.75, 0.6


def nearest_keys(key: str, known: Iterable[str]) -> list[str]:
    """The keys that may have been meant, the likeliest first; at most three.

    Args:
        key: A dotted key that is unknown.
        known: The dotted keys that there are, those of groups as well.
    """
    known = list(dict.fromkeys(known))
    plain, last = _plain(key), _plain(key.rpartition(".")[2])
    peers = KEYS_OF_PEERS.get(plain) or KEYS_OF_PEERS.get(last, ())
    found = [name for name in peers if name in known or name.startswith("hydra.")]
    lasts: dict[str, list[str]] = {}
    for name in known:
        lasts.setdefault(_plain(name.rpartition(".")[2]), []).append(name)
    found = found or _same_last_part(plain, lasts.get(last, []))
    if not found:
        by_plain = {_plain(name): name for name in known}
        close = difflib.get_close_matches(plain, by_plain, n=_MOST, cutoff=_KEY_CUTOFF)
        found = [by_plain[name] for name in close if _alike(last, _plain(by_plain[name].rpartition(".")[2]))][:1]
    if not found:
        found = [
            name for part in difflib.get_close_matches(last, lasts, n=1, cutoff=_PART_CUTOFF) for name in lasts[part]
        ]
    return found[:_MOST]


def nearest_options(group: str, option: str, options: Sequence[str]) -> list[str]:
    """The options of a group that may have been meant, the likeliest first; at most three."""
    known = {_plain(name): name for name in options}
    plain = _plain(option)
    tasks = {peer: spec.name for spec in specs().values() for peer in spec.known_as} if group == "task" else {}
    peer = OPTIONS_OF_PEERS.get(group, tasks).get(plain)
    if peer in options:
        return [str(peer)]
    begins = [
        name for text, name in known.items() if len(plain) > 1 and (text.startswith(plain) or plain.startswith(text))
    ]
    close = [known[text] for text in difflib.get_close_matches(plain, known, n=_MOST, cutoff=_OPTION_CUTOFF)]
    inside = [name for text, name in known.items() if len(plain) > 2 and plain in text]
    return list(dict.fromkeys([*begins, *close] or inside))[:_MOST]


def file_meant(group: str, option: str) -> str | None:
    """What to give instead where an option is a file or folder of the user's, as others take it; None: it is none."""
    folders = (f"data={spec.folder} task={spec.name} data.root={option} for {spec.what}" for spec in specs().values())
    instead = {
        "data": ", or ".join(folders),
        "model": f"source=checkpoint checkpoint={option}",
        "source": f"source=checkpoint checkpoint={option}",
    }.get(group)
    return instead if instead and Path(option).exists() else None


def _plain(text: str) -> str:
    return text.lower().replace("-", "_")


def _alike(a: str, b: str) -> bool:
    return difflib.SequenceMatcher(None, a, b).ratio() >= _KEY_CUTOFF


def _same_last_part(key: str, names: Sequence[str]) -> list[str]:
    """Of keys that end alike those whose beginnings are nearest, as `seeds.init` for `seed.init`."""
    return sorted(names, key=lambda name: -difflib.SequenceMatcher(None, key, _plain(name)).ratio())
