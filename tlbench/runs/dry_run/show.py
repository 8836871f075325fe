"""A dry run's plan as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.table import Table

from tlbench.config import TrainConfig
from tlbench.config.arms import arm_name
from tlbench.console import banner, console, say, warn
from tlbench.embedded.stand_ins import banner_text
from tlbench.runs.dry_run.plan import RunPlan, Times, plan_run


def show_run_plan(config: TrainConfig, sweep_runs: int, runs_at_a_time: int) -> None:
    """Plan one run and print it.

    Args:
        config: The run's configuration.
        sweep_runs: How many runs `-m` would make of it; their time is estimated as if all were like this one.
        runs_at_a_time: How many of them would share the machine.
    """
    if config.stand_ins:
        banner(banner_text(config.stand_ins))  # those of a sweep are told of by `plan_runs`
    plan = _show(config, 1, {})
    seconds = _seconds(plan, config)
    if sweep_runs > 1:
        time = _sweep_time([config], [(plan, seconds)] * sweep_runs, runs_at_a_time, timed_for=1)
        say(f"the sweep (-m): {sweep_runs} such runs, {time}")


def show_sweep_plan(
    configs: Sequence[TrainConfig],
    complete: int,
    runs_at_a_time: int,
    trials: Sequence[tuple[TrainConfig, int]] = (),
) -> None:
    """Plan the runs of a sweep and print each arm once.

    Args:
        configs: The runs that are still to be made.
        complete: How many others are complete.
        runs_at_a_time: `hydra.launcher.n_jobs`.
        trials: Of each arm that is tuned first, a trial's configuration and how many are still to be made.
    """
    plans: dict[str, RunPlan] = {}
    timed: dict[str, Times] = {}
    times = []
    for config in configs:
        arm = config.model_dump_json(exclude={"seed", "seeds"})
        if arm not in plans:
            plans[arm] = _show(config, runs_at_a_time, timed)
        times.append((plans[arm], _seconds(plans[arm], config)))
    for config, count in trials:
        plan = plan_run(config, runs_at_a_time, timed)
        times += [(plan, _seconds(plan, config))] * count
    done = f" ({complete} more are complete already)" if complete else ""
    runs = f"{len(configs)} run{'' if len(configs) == 1 else 's'}{done}"
    if trials:
        keys = ", ".join(configs[0].tune or [])
        say(f"{keys}: chosen before the runs, for each arm by {configs[0].tuning.trials} trials on validation")
        runs += f" and {sum(count for _, count in trials)} trials"
    time = _sweep_time(configs, times, runs_at_a_time, runs_at_a_time) if times else "nothing to train"
    say(f"the sweep: {runs}, {time}")


def _show(config: TrainConfig, runs_at_a_time: int, timed: dict[str, Times]) -> RunPlan:
    plan = plan_run(config, runs_at_a_time, timed)
    name = f"{config.study} · {arm_name(config.model_dump(mode='json'), config.factors)}"
    table = Table(title=f"plan of {name}: strategy {config.strategy.name}", title_justify="left")
    for column in ("stage", "epochs", "trains", "parameters", "learning rate", "an epoch"):
        table.add_column(column, justify="right" if column in ("parameters", "an epoch") else "left")
    first = 1
    for number, stage in enumerate(plan.stages, start=1):
        if stage.epochs is None:
            epochs = "until a stall" if number == 1 else "after a stall"
        else:
            epochs = str(first) if stage.epochs == 1 else f"{first}–{first + stage.epochs - 1}"
            first += stage.epochs
        table.add_row(
            f"{number} {stage.stage.name}",
            epochs,
            ", ".join(stage.stage.trainable),
            f"{stage.parameters:,}",
            _rates(stage.rates),
            _duration(stage.epoch_s),
        )
    console.print(table)
    images = ", ".join(f"{split} {plan.images[split]:,}" for split in ("train", "val", "test"))
    steps = config.data.samples(plan.images["train"]) // config.data.batch_size
    say(f"images: {images}; batches of {config.data.batch_size}: {steps} steps an epoch; timed on {plan.device}")
    for warning in plan.warnings:
        warn(warning)
    never = [group for group in plan.layer_groups if group not in plan.stages[-1].stage.trainable]
    if never and config.strategy.name != "feature_extractor":
        say(f"never unfrozen: {', '.join(never)}")
    if plan.decodes:
        say("without the time for which training waits for images to be decoded")
    if config.trainer.compile:
        say("without the time that torch.compile itself takes, in each stage")
    whole, limit = plan.seconds(config.trainer.max_epochs) - plan.once_s, config.trainer.max_time_s
    if limit is not None and limit < whole:
        done, all_epochs = int(config.trainer.max_epochs * limit / whole), config.trainer.max_epochs
        say(f"trainer.max_time_s={limit:g}: time for about {max(done, 1)} of the {all_epochs} epochs")
    say(f"the run: {_at_most([config])}about {_duration(_seconds(plan, config))}")
    return plan


def _seconds(plan: RunPlan, config: TrainConfig) -> float:
    return plan.seconds(config.trainer.max_epochs, config.trainer.max_time_s)


def _at_most(configs: Sequence[TrainConfig]) -> str:
    """Where validation or the clock may end a stage or the run, the estimate is a bound."""
    ends = [
        c.callbacks.early_stopping.patience or getattr(c.strategy, "stall_patience", None) or c.trainer.max_time_s
        for c in configs
    ]
    return "at most " if any(ends) else ""


def _rates(rates: dict[str, tuple[float, float | None]]) -> str:
    """`1e-3 → 4e-4`, or a line for each layer group where they differ."""

    def text(begin: float, end: float | None) -> str:
        return f"up to {begin:.2g}" if end is None else f"{begin:.2g} → {end:.2g}"

    if len(set(rates.values())) == 1:
        return text(*next(iter(rates.values())))
    return "\n".join(f"{group} {text(*rate)}" for group, rate in rates.items())


def _sweep_time(
    configs: Sequence[TrainConfig], times: Sequence[tuple[RunPlan, float]], runs_at_a_time: int, timed_for: int
) -> str:
    at_a_time = min(runs_at_a_time, len(times))
    # Runs timed on their share of the cores go side by side; timed on all, or on a GPU, they gain nothing by sharing.
    on_share = timed_for > 1 and all(plan.device.type == "cpu" for plan, _ in times)
    total = sum(seconds for _, seconds in times) / (at_a_time if on_share else 1)
    return f"{_at_most(configs)}about {_duration(total)} with {at_a_time} at a time"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
