"""Shows how far a run is: a line an epoch, and on a terminal a moving bar below."""

# ruff: noqa: ARG002 (hooks have Lightning's signatures)
from __future__ import annotations

import math
from time import monotonic
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.utilities.types import STEP_OUTPUT
from rich.progress import BarColumn, Progress, TextColumn

from tlbench import console
from tlbench.processes.exchange import gather_objects
from tlbench.system.notebook import NotebookBar, in_notebook

_REDRAW_S = 0.25
"""Between two redraws of the bar; one takes half a millisecond."""

_LINE_S = 30.0
"""Between two lines inside an epoch, where there is no bar."""


class RunProgress(ProgressBar):
    """Epoch, steps, images/s and time left, from the host's clock and counts.

    Nothing is read from the device but the metrics at the end of an epoch. Images/s count training time only. The time
    left assumes that a coming step takes, validation included, what one took since the start (or resumption).
    """

    def __init__(self) -> None:
        super().__init__()
        self._display = _Display()
        self._fitting = self._validated = False
        self._first_step = self._steps = self._epochs = 0
        self._began = self._epoch_began = 0.0
        self._rate = self._ended_epochs = _Throughput()

    @property
    def images_per_s(self) -> float | None:
        """Training images per second over the ended epochs, without validation; None before the first has ended."""
        return self._ended_epochs.images_per_s()

    def enable(self) -> None:
        """Show progress (the default)."""
        self._display.enabled = True

    def disable(self) -> None:
        """Show nothing, as on every process but the first."""
        self._display.enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin where the run stands."""
        self._fitting = True
        self._first_step = trainer.global_step
        self._steps = int(trainer.estimated_stepping_batches)
        self._epochs = planned_epochs(trainer)
        self._began = monotonic()
        self._ended_epochs = _Throughput()
        self._display.open(self._epoch(trainer), self._first_step, self._steps)
        self.on_train_epoch_start(trainer, pl_module)  # Lightning does not start an epoch resumed in its middle

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's clocks."""
        self._epoch_began = monotonic()
        self._validated = False
        self._rate = _Throughput()
        self._rate.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int
    ) -> None:
        """Count, and show now and then."""
        self._rate.images += len(batch[0]) * trainer.world_size  # all processes have equal shares of a batch
        if self._display.due():
            self._show(trainer, f"step {trainer.global_step}/{self._steps}", str(self._rate))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the training clock."""
        if self._fitting:
            self._stop_clock(trainer)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Show now and then."""
        if self._fitting and self._display.due():
            self._show(trainer, f"validation {batch_idx + 1}/{sum(trainer.num_val_batches)}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the training clock run on."""
        if self._fitting:
            self._validated = True
            self._rate.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the epoch's metrics, rate and duration."""
        if self._rate.images == 0:
            return  # Lightning may end once more the epoch at whose end a run is resumed
        self._stop_clock(trainer)
        self._ended_epochs.images += self._rate.images
        self._ended_epochs.seconds += self._rate.seconds
        metrics = trainer.callback_metrics
        # of an epoch without validation, the val metrics there are those of the epoch before
        names = dict.fromkeys(["train/loss", *([str(pl_module.monitor), "val/loss"] if self._validated else [])])
        values = [f"{name} {_number(float(metrics[name]))}" for name in names if name in metrics]
        took = _duration(monotonic() - self._epoch_began, digits=1)
        self._display.line(self._epoch(trainer), *values, str(self._rate), took, self._time_left(trainer))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar away; the lines stay."""
        self._fitting = False
        self._display.close()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the test."""
        self._display.open("test", 0, int(sum(trainer.num_test_batches)))
        self._rate = _Throughput()
        self._rate.start()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: STEP_OUTPUT, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Count, and show now and then."""
        self._rate.images += len(batch[0])
        if self._display.due():
            self._display.show("test", batch_idx + 1, f"{self._rate.images} images", str(self._rate))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show rate and duration."""
        self._rate.images = sum(gather_objects(self._rate.images))
        self._stop_clock(trainer)
        self._display.close()
        took = _duration(self._rate.seconds, digits=1)
        self._display.line("test", f"{self._rate.images} images", str(self._rate), took)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._fitting = False
        self._display.close()

    def _stop_clock(self, trainer: Trainer) -> None:
        device = trainer.strategy.root_device
        if device.type != "cpu":
            torch.accelerator.synchronize(device)  # once an epoch: work still queued belongs to the time before
        self._rate.stop()

    def _epoch(self, trainer: Trainer) -> str:
        return f"epoch {trainer.current_epoch + 1}/{self._epochs}"

    def _time_left(self, trainer: Trainer) -> str:
        done, left = trainer.global_step - self._first_step, self._steps - trainer.global_step
        return f"ETA {_duration((monotonic() - self._began) / done * left)}" if done > 0 else "ETA –"

    def _show(self, trainer: Trainer, *texts: str) -> None:
        elapsed = _duration(monotonic() - self._began)
        self._display.show(self._epoch(trainer), trainer.global_step, *texts, elapsed, self._time_left(trainer))


def planned_epochs(trainer: Trainer) -> int:
    """Epochs that a run is to train, which a number of steps may cut short."""
    steps = int(trainer.estimated_stepping_batches)
    return math.ceil(steps * trainer.accumulate_grad_batches / trainer.num_training_batches)


class _Throughput:
    """Images, and the seconds spent on them while the clock ran."""

    def __init__(self) -> None:
        self.images = 0
        self.seconds = 0.0
        self._since: float | None = None

    def start(self) -> None:
        self._since = monotonic()

    def stop(self) -> None:
        if self._since is not None:
            self.seconds += monotonic() - self._since
            self._since = None

    def images_per_s(self) -> float | None:
        seconds = self.seconds + (0.0 if self._since is None else monotonic() - self._since)
        return self.images / seconds if seconds > 0 else None

    def __str__(self) -> str:
        rate = self.images_per_s()
        return "– images/s" if rate is None else f"{rate:.0f} images/s"


class _Display:
    """One bar on a terminal or in a notebook, else a line now and then."""

    def __init__(self) -> None:
        self.enabled = True
        self.bar: Progress | None = None
        self.below: NotebookBar | None = None
        self._total = 0
        self._next = 0.0

    def open(self, name: str, completed: int, total: int) -> None:
        self.close()
        self._total = total
        if self.enabled and in_notebook():
            self.below = NotebookBar(name)
        elif self.enabled and console.is_terminal():
            columns = TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[text]}")
            self.bar = Progress(*columns, console=console.console, auto_refresh=False, transient=True, expand=True)
            self.bar.add_task(name, completed=completed, total=total, text="")
            self.bar.start()
        self._wait()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
        if self.below is not None:
            self.below.close()
            self.below = None

    def due(self) -> bool:
        return self.enabled and monotonic() >= self._next

    def show(self, name: str, completed: int, *texts: str) -> None:
        if self.below is not None:
            self.below.show(completed, self._total, "  ".join(texts), name)
            self._wait()
        elif self.bar is None:
            self.line(name, *texts)
        else:
            (task,) = self.bar.task_ids
            self.bar.update(task, description=name, completed=completed, text="  ".join(texts), refresh=True)
            self._wait()

    def line(self, *texts: str) -> None:
        if self.enabled:
            console.console.print("  ".join(texts), soft_wrap=True, markup=False)
            self._wait()

    def _wait(self) -> None:
        self._next = monotonic() + (_LINE_S if self.bar is None and self.below is None else _REDRAW_S)


def _number(value: float) -> str:
    """Three decimals, or a power of ten where these would show nothing."""
    return f"{value:.3f}" if value == 0 or not abs(value) < 1e-3 else f"{value:.1e}"


def _duration(seconds: float, digits: int = 0) -> str:
    """`86 s` below 100 s, else `0:02:10`."""
    if seconds < 100:
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
