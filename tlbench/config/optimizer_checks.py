"""What is wrong with the optimizer's and the average's options beyond each value's own range."""

from __future__ import annotations

from tlbench.config import OptimizerConfig, TrainConfig
from tlbench.config.code import IMPORT_PATH


def optimizer_problems(config: TrainConfig) -> list[str]:
    """One line for each: key, value, what is allowed."""
    c, problems = config.optimizer, []
    if c.import_path is not None:
        return [*_own_problems(c), *_schedule_problems(config)]
    if c.arguments:
        return [f"optimizer.arguments={c.arguments!r}: {c.name} takes none; use {{}}, or optimizer=module"]
    if c.name not in ("sgd", "adamw"):
        return [
            f"optimizer.name={c.name!r}: input should be 'sgd' or 'adamw'; for one of your own give "
            "optimizer=module optimizer.import_path=…"
        ]
    other = {"sgd": "adamw", "adamw": "sgd"}[c.name]
    if (c.momentum is None, c.betas is None) == (c.name == "sgd", c.name == "adamw"):
        return [
            f"optimizer.name={c.name!r}: the momentum and betas beside it are those of {other}; choose it as "
            f"optimizer={c.name}"
        ]
    if c.name == "sgd" and c.momentum is None:
        problems.append("optimizer.momentum=null: SGD needs a momentum in [0, 1]")
    if c.name == "adamw" and c.momentum is not None:
        problems.append(f"optimizer.momentum={c.momentum}: AdamW takes betas instead; use null, or optimizer=sgd")
    if c.name == "sgd" and c.betas is not None:
        problems.append(f"optimizer.betas={c.betas}: SGD takes a momentum instead; use null, or optimizer=adamw")
    if c.name == "adamw" and c.betas is None:
        problems.append("optimizer.betas=null: AdamW needs two betas in [0, 1)")
    if c.name == "adamw" and c.warmup_momentum is not None:
        problems.append(f"optimizer.warmup_momentum={c.warmup_momentum}: AdamW has no momentum that rises; use null")
    if c.momentum == 0 and c.warmup_momentum:
        problems.append(
            f"optimizer.warmup_momentum={c.warmup_momentum}: SGD without momentum (optimizer.momentum=0) warms none "
            "up; use null"
        )
    return [*problems, *_schedule_problems(config)]


def _own_problems(c: OptimizerConfig) -> list[str]:
    """Of an optimizer of the user's own."""
    if not IMPORT_PATH.fullmatch(str(c.import_path)):
        return [f"optimizer.import_path={c.import_path!r}: write package.module:Name, such as torch.optim:RMSprop"]
    if c.name in ("sgd", "adamw"):
        return [f"optimizer.name={c.name!r} with an import path: give it another name, or choose optimizer={c.name}"]
    given = {"momentum": c.momentum, "betas": c.betas, "warmup_momentum": c.warmup_momentum}
    twice = [key for key in ("lr", "weight_decay") if key in c.arguments]
    return [
        f"optimizer.arguments.{key}={c.arguments[key]!r}: each parameter group gets it by optimizer.{key}; give it by "
        "that"
        for key in twice
    ] + [
        f"optimizer.{key}={value}: one of your own takes what it takes in optimizer.arguments; use null"
        for key, value in given.items()
        if value is not None
    ]


def _schedule_problems(config: TrainConfig) -> list[str]:
    """Of schedule, warm-up and average, whatever the optimizer."""
    c, problems = config.optimizer, []
    if c.schedule == "linear" and c.final_lr is None:
        problems.append(
            "optimizer.final_lr=null: schedule=linear needs the fraction in (0, 1] that it goes to, such as 0.01"
        )
    if c.schedule != "linear" and c.final_lr is not None:
        problems.append(
            f"optimizer.final_lr={c.final_lr}: schedule={c.schedule} ends where it ends; use null, or "
            "optimizer.schedule=linear"
        )
    # linear's warm-up leaves the last epoch alone, however short the run
    if c.schedule != "linear" and c.warmup_epochs > config.trainer.max_epochs:
        problems.append(
            f"optimizer.warmup_epochs={c.warmup_epochs}: at most trainer.max_epochs={config.trainer.max_epochs}; give "
            f"optimizer.warmup_epochs={config.trainer.max_epochs / 2:g}"
        )
    if config.callbacks.ema_tau is not None and config.callbacks.ema_decay is None:
        problems.append(
            f"callbacks.ema_tau={config.callbacks.ema_tau}: without callbacks.ema_decay there is no average; use null, "
            "or give callbacks.ema_decay"
        )
    return problems
