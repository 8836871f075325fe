"""The part of every task that steps: optimizer, learning rates, and gradients that wait for a step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from tlbench.adaptation.accumulation import Accumulation, batches_per_step, decay_scale
from tlbench.adaptation.optimizer import build_optimizer, momentum_at
from tlbench.adaptation.parameter_groups import learning_rate_scales, parameter_groups
from tlbench.adaptation.schedule import GroupFactor, group_factor, warmup_steps
from tlbench.adaptation.stages import plan_stages
from tlbench.config import GradualUnfreezingConfig, HeadThenFullConfig, TrainConfig
from tlbench.networks.network import Network


class OptimisedModule(LightningModule):
    """Optimizes a network's layer groups as the configuration says.

    Batches are training steps: `global_step`, schedules and curves count them, whether or not each of them ends with
    a step of the optimizer (see `Accumulation`).

    Args:
        network: The network with its layer groups.
        config: The run's configuration; strategy, optimizer, batch size and epochs are used.

    Attributes:
        layer_groups: The network with its layer groups.
        config: The run's configuration.
        stages: The strategy's stages on this network.
        accumulation: Which batches end with an optimizer step.

    Raises:
        ConfigError: The strategy's stages do not fit the network.
    """

    def __init__(self, network: Network, config: TrainConfig) -> None:
        super().__init__()
        self.layer_groups = network
        self.config = config
        self.stages = plan_stages(config.strategy, list(network.groups), network.head, config.trainer.max_epochs)
        self.accumulation = Accumulation()

    def new_optimizer(self) -> Optimizer:
        """The optimizer with all parameter groups, each at its own learning rate."""
        c, strategy = self.config.optimizer, self.config.strategy
        scales = learning_rate_scales(list(self.layer_groups.groups), strategy.lr_decay, strategy.lr_scales)
        decay = c.weight_decay * decay_scale(c, self.config.data.batch_size)
        fused = c.clip_norm is None or self.config.trainer.precision == "32-true"  # Lightning clips no other with it
        return build_optimizer(c, parameter_groups(self.layer_groups, c.lr, decay, scales), fused=fused)

    def configure_optimizers(self) -> Any:
        """All parameter groups from step 0, and one schedule for all of them; frozen ones have the rate 0."""
        c, strategy, optimizer = self.config.optimizer, self.config.strategy, self.new_optimizer()
        # not trainer.estimated_stepping_batches, which takes the loaders before FeatureCache can fill them
        steps = len(self.trainer.datamodule.train_dataloader())  # type: ignore[attr-defined]
        epochs = self.config.trainer.max_epochs
        self.accumulation.batches = min(batches_per_step(c, self.config.data.batch_size), steps * epochs)
        self.accumulation.warmup_batches = warmup_steps(c, steps, epochs)
        if self.accumulation.batches > 1:  # schedules count batches, the first of which need not end with a step
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
        own_warmup = (
            round(strategy.unfreeze_warmup_epochs * steps)
            if isinstance(strategy, HeadThenFullConfig | GradualUnfreezingConfig)
            else 0
        )
        factors: list[Callable[[int], float]] = [
            group_factor(
                c,
                steps,
                epochs,
                group_warmup_steps=own_warmup,
                unfrozen_at=0 if group["name"].rpartition("/")[0] in self.stages[0].trainable else None,
            )
            for group in optimizer.param_groups
        ]
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": LambdaLR(optimizer, factors), "interval": "step"}}

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Train on a batch, and step if it is the last of its window; `global_step` counts batches either way."""
        assert optimizer_closure is not None
        if not self.accumulation.due(self.global_step):
            optimizer_closure()
            self.accumulation.waiting += 1
            return
        c = self.config.optimizer
        if c.warmup_momentum is not None:
            for group in optimizer.param_groups:
                group["momentum"] = momentum_at(c, self.global_step, self.accumulation.warmup_batches)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self.accumulation.waiting = 0

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Drop the gradients of the window before, in the first batch of a window."""
        if self.accumulation.waiting == 0:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)
        else:
            self.accumulation.take_up(self.named_parameters())

    def on_validation_model_zero_grad(self) -> None:
        """Release gradients before validation, unless they wait for a step."""
        if self.accumulation.waiting == 0:
            super().on_validation_model_zero_grad()

    def start_rates(self, number: int, step: int) -> None:
        """Let the learning rates of what a stage unfreezes rise from this training step on."""
        scheduler = self.lr_schedulers()
        assert isinstance(scheduler, LambdaLR)
        for group, factor, rate in zip(
            scheduler.optimizer.param_groups, scheduler.lr_lambdas, scheduler.base_lrs, strict=True
        ):
            assert isinstance(factor, GroupFactor)
            if group["name"].rpartition("/")[0] in self.stages[number].unfreezes:
                factor.unfrozen_at = step
                group["lr"] = rate * factor(step)
