"""Files as ultralytics writes them: a dict with a pickled network in half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from tlbench.networks.libraries.ultralytics import ultralytics_module


def published_network(size: str = "n", classes: int = 80, seed: int = 0) -> Any:
    """ultralytics' own network, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ultralytics_module("nn.tasks").DetectionModel(f"yolo11{size}.yaml", nc=classes, verbose=False)
    network.args = ultralytics_module("utils").IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    network.names = {label: f"class {label}" for label in range(classes)}
    return network


def write_published(path: Path, network: nn.Module, **changed: Any) -> Path:
    """As `strip_optimizer` leaves a checkpoint; `changed` replaces its entries."""
    content = {
        "date": "2024-09-27T00:00:00",
        "version": "8.3.0",
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        "epoch": -1,
        "best_fitness": None,
        "model": network.half(),
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": {"model": "yolo11n.yaml", "imgsz": 640, "box": 7.5},
        "train_metrics": {"metrics/mAP50-95(B)": 0.39},
        "train_results": {"epoch": [1, 2]},
        **changed,
    }
    torch.save(content, path)
    return path
