"""One run of tlbench's own, `tlbench.runs.run.run`, in a process of its own: a child of `benchmarks.detection`."""
# ruff: noqa: ARG002 (hooks have Lightning's signatures)

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.child import Channel, job_of, since_start, weights_hash

if TYPE_CHECKING:
    from lightning.pytorch import Callback


def main() -> int:
    """Do the job; returns the exit code."""
    channel = Channel()
    job = job_of(sys.argv[1:])
    import torch

    torch.set_num_threads(job["threads"])
    import tlbench.runs.run
    from tlbench.config.compose import compose_config

    config = compose_config(job["overrides"])
    watch = _watch(job, channel)
    build = tlbench.runs.run.build_trainer  # type: ignore[attr-defined]

    def build_watched(*arguments: Any, **options: Any) -> Any:
        parts = build(*arguments, **options)
        parts.trainer.callbacks.insert(0, watch)  # type: ignore[attr-defined]
        return parts

    tlbench.runs.run.build_trainer = build_watched  # type: ignore[attr-defined]
    begun = time.perf_counter()
    tlbench.runs.run.run(config, Path(job["folder"]))
    times = {"run_s": time.perf_counter() - begun, "whole_s": since_start()}
    channel.send("result", **watch.found, **times, epochs=watch.epochs)  # type: ignore[attr-defined]
    return 0


def _watch(job: dict[str, Any], channel: Channel) -> Callback:
    """A callback that is called before all others; the clock stops when validation starts."""
    import torch
    from lightning.pytorch import Callback, LightningModule, Trainer

    from benchmarks.bare_loop import synchronize

    class Watch(Callback):
        def __init__(self) -> None:
            self.epochs: list[dict[str, float]] = []
            self.found: dict[str, Any] = {"steps": 0, "optimizer_steps": 0}
            self._began = 0.0
            self._images = 0

        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            self.found["initial"] = weights_hash(pl_module.network.state_dict())  # type: ignore[union-attr]

        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            synchronize(pl_module.device)
            self._images, self._began = 0, time.perf_counter()

        def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
            self.found["optimizer_steps"] += 1

        def on_train_batch_end(
            self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            self.found["steps"] += 1
            self._images += len(batch[0])
            if "first_step_s" not in self.found:
                synchronize(pl_module.device)
                self.found["first_step_s"] = since_start()
                if job["stop_after_first_step"]:
                    channel.send("result", **self.found)
                    os._exit(0)

        def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            synchronize(pl_module.device)
            seconds = time.perf_counter() - self._began
            self.epochs.append({"seconds": seconds, "images": self._images})
            channel.send("epoch", number=len(self.epochs), **self.epochs[-1])

        def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            """By now the task holds the average of the last epoch; the best epoch's is loaded after this."""
            state = pl_module.network.state_dict()  # type: ignore[union-attr]
            torch.save({name: tensor.cpu() for name, tensor in state.items()}, job["final"])

    return Watch()


if __name__ == "__main__":
    sys.exit(main())
