"""One training by ultralytics' own trainer, or evaluations by its own validator, in a process of its own.

A child of `benchmarks.detection`. It imports no part of tlbench, so that the time to its first step is ultralytics'.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.child import Channel, job_of, since_start, weights_hash

_NO_TIME_LIMIT = 1e6
_INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


def main() -> int:
    """Do the job; returns the exit code."""
    channel = Channel()
    job = job_of(sys.argv[1:])
    prepare(job["threads"])
    if job["do"] == "evaluate":
        channel.send("result", metrics=[_evaluate(job, Path(file)) for file in job["weights"]])
    else:
        _train(job, channel)
    return 0


def prepare(threads: int) -> None:
    """Import ultralytics, and switch off what would make a comparison unfair or reach for the network.

    Its trainer sets torch's threads to its own liking (one fewer than there are cores); an installed albumentations
    adds augmentations that were not asked for; loggers of other packages start where these are installed; the check of
    a data set downloads a font; and on a busy machine its NMS, past a time limit, leaves images without detections.
    """
    sys.modules["albumentations"] = None  # type: ignore[assignment]
    import torch
    import torchvision  # noqa: F401 (before ultralytics: else its NMS takes a slower way)
    from ultralytics.data import utils as data_utils
    from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: F401 (here, so that no clock counts its import)
    from ultralytics.utils import SETTINGS, nms, torch_utils

    torch.set_num_threads(threads)
    torch_utils.NUM_THREADS = threads  # type: ignore[attr-defined]
    SETTINGS.update(dict.fromkeys(_INTEGRATIONS, False))  # type: ignore[no-untyped-call]
    data_utils.check_font = lambda *_: None  # type: ignore[attr-defined]
    nms.non_max_suppression = partial(nms.non_max_suppression, max_time_img=_NO_TIME_LIMIT)


def new_trainer(recipe: dict[str, Any], initial: str) -> Any:
    """A trainer of ultralytics with every option given, on a network that lies in a file.

    Args:
        recipe: Options of ultralytics.
        initial: A `DetectionModel` with its weights, whole, as `torch.save` wrote it.
    """
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer

    class OwnNetworkTrainer(DetectionTrainer):
        """Its weights are the given ones; nothing else is changed."""

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:  # noqa: ARG002
            return torch.load(initial, map_location="cpu", weights_only=False)  # our own file, of this run

    return OwnNetworkTrainer(overrides=recipe)


def _train(job: dict[str, Any], channel: Channel) -> None:
    import time

    import torch

    begun = time.perf_counter()
    epochs: list[dict[str, float]] = []
    found: dict[str, Any] = {}
    clock = {"began": 0.0}

    def synchronize(trainer: Any) -> None:
        if trainer.device.type == "cuda":
            torch.cuda.synchronize(trainer.device)

    def ready(trainer: Any) -> None:
        found["initial"] = weights_hash(trainer.model.state_dict())

    def epoch_starts(trainer: Any) -> None:
        synchronize(trainer)
        clock["began"] = time.perf_counter()

    def batch_ends(trainer: Any) -> None:
        found["steps"] = found.get("steps", 0) + 1
        if "first_step_s" not in found:
            synchronize(trainer)
            found["first_step_s"] = since_start()
            if job["stop_after_first_step"]:
                channel.send("result", **found)
                os._exit(0)

    def epoch_ends(trainer: Any) -> None:
        synchronize(trainer)
        seconds = time.perf_counter() - clock["began"]
        epochs.append({"seconds": seconds, "images": len(trainer.train_loader.dataset)})
        channel.send("epoch", number=trainer.epoch + 1, **epochs[-1])

    trainer = new_trainer(job["recipe"], job["initial"])
    for event, callback in (
        ("on_pretrain_routine_end", ready),
        ("on_train_epoch_start", epoch_starts),
        ("on_train_batch_end", batch_ends),
        ("on_train_epoch_end", epoch_ends),
    ):
        trainer.add_callback(event, callback)
    trainer.train()
    found |= {
        "whole_s": since_start(),
        "run_s": time.perf_counter() - begun,
        "epochs": epochs,
        "optimizer_steps": trainer.ema.updates,
    }
    torch.save({name: tensor.cpu() for name, tensor in trainer.ema.ema.state_dict().items()}, job["final"])
    channel.send("result", **found)


def _evaluate(job: dict[str, Any], weights: Path) -> dict[str, float]:
    import torch
    from ultralytics.models.yolo.detect import DetectionValidator

    network = torch.load(job["initial"], map_location="cpu", weights_only=False)
    network.load_state_dict(torch.load(weights, weights_only=True))
    # `rect` and `mode` as in its own `yolo val`
    options = {**job["options"], "save_dir": str(weights.parent / "evaluation"), "rect": True, "mode": "val"}
    found = DetectionValidator(args=options)(model=network.float().eval())
    return {"map50": float(found["metrics/mAP50(B)"]), "map50_95": float(found["metrics/mAP50-95(B)"])}


if __name__ == "__main__":
    sys.exit(main())
