"""The flags of Lightning's Trainer: those that may be given as `trainer.extra`, and why the others may not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_YES_OR_NO = (True, False)

ALLOWED: Mapping[str, Sequence[Any]] = {
    "benchmark": _YES_OR_NO,
    "detect_anomaly": _YES_OR_NO,
    "deterministic": (*_YES_OR_NO, "warn"),
    "enable_autolog_hparams": _YES_OR_NO,
    "enable_progress_bar": _YES_OR_NO,
    "gradient_clip_algorithm": ("norm", "value"),
    "log_every_n_steps": (),
    "profiler": ("simple", "advanced", "pytorch"),
}
"""Flag → its values beside null; none: a number ≥ 0. They change how a run computes or what it tells, not what it
promises."""


def wrong_value(flag: str, value: Any) -> str | None:
    """What an allowed flag may be, where it is something else; None: it may be that."""
    values = ALLOWED[flag]
    if value is None or any(value is each or (isinstance(each, str) and value == each) for each in values):
        return None
    if not values:
        return None if type(value) is int and value >= 0 else "input should be a whole number ≥ 0"
    return f"input should be {', '.join(json.dumps(each) for each in values)} or null"


_KEY = "it is {}"
_WHOLE = "every epoch trains on and tests all images: a part of them would go into the record as the whole"
_RESUME = "a resumed run would not go on bit for bit"

REFUSED = {
    "accelerator": _KEY.format("trainer.accelerator"),
    "accumulate_grad_batches": _KEY.format("optimizer.nominal_batch"),
    "barebones": "it turns off checkpoints and logging, which the record is made of",
    "callbacks": "they are callbacks.own",
    "check_val_every_n_epoch": "each epoch is validated: the best one is chosen by it, and stages end by it",
    "default_root_dir": _KEY.format("the run's folder, hydra.run.dir"),
    "devices": _KEY.format("trainer.devices"),
    "enable_checkpointing": "a run that is killed could not go on; how often is callbacks.checkpoint",
    "enable_model_summary": "plan=true shows layers, parameters and learning rates",
    "fast_dev_run": "nothing would be chosen or kept; use trainer.max_epochs=1 data.fraction=0.1, or plan=true",
    "gradient_clip_val": _KEY.format("optimizer.clip_norm"),
    "inference_mode": "validation and test compute without gradients in every task",
    "limit_predict_batches": _WHOLE,
    "limit_test_batches": f"{_WHOLE}; use data.fraction for training images",
    "limit_train_batches": f"{_WHOLE}; use data.fraction or data.shots",
    "limit_val_batches": f"{_WHOLE}; use data.val_fraction",
    "logger": "they are logger.own",
    "max_epochs": _KEY.format("trainer.max_epochs"),
    "max_steps": "runs are as long as trainer.max_epochs says, which schedules and stages count",
    "max_time": _KEY.format("trainer.max_time_s, which ends a run with an epoch and counts over its resumptions"),
    "min_epochs": "stages and callbacks.early_stopping decide when a run ends",
    "min_steps": "stages and callbacks.early_stopping decide when a run ends",
    "model_registry": "it sends the checkpoint away; the run's folder holds it",
    "num_nodes": "a run's processes are those of one machine",
    "num_sanity_val_steps": "it would draw and log before the first step",
    "overfit_batches": f"{_WHOLE}; use data.shots",
    "plugins": "checkpoints are written by tlbench's own, atomically",
    "precision": _KEY.format("trainer.precision"),
    "reload_dataloaders_every_n_epochs": _RESUME,
    "strategy": "it is chosen by trainer.devices; processes are tlbench's own, and end together",
    "sync_batchnorm": _KEY.format("trainer.sync_batchnorm"),
    "use_distributed_sampler": "the order of images is a function of the seed, whatever the number of processes",
    "val_check_interval": "each epoch is validated once, at its end: the best one is chosen by it",
}
"""Flag → why it may not be given."""
