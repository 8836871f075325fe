"""Regulariser, optimizer, Trainer and callbacks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tlbench.config.code import Arguments, CodeConfig, OwnName
from tlbench.config.schema import FOLDER_NAME, NonNegative, OpenFraction, Positive, Probability, Schema


class RegulariserConfig(Schema):
    """Penalties that hold the weights near the source; all zero: none."""

    name: str = Field(description="set by regulariser=…, and by the penalties that are given")
    l2_sp: NonNegative = Field(
        description="alpha of L2-SP (arXiv:1802.01483): alpha/2 · squared distance from the source"
    )
    l2_sp_head: NonNegative = Field(description="beta of L2-SP: beta/2 · squared norm of the head")
    bss: NonNegative = Field(description="η of batch spectral shrinkage (Chen et al. 2019, NeurIPS)")
    bss_k: Annotated[int, Field(ge=1)] = Field(description="how many of the smallest singular values it shrinks")


class OptimizerConfig(Schema):
    """The optimizer and its one global schedule."""

    name: Annotated[str, Field(pattern=f"^{FOLDER_NAME}$")] = Field(
        description="sgd, adamw, or what one of your own is called"
    )
    lr: Positive = Field(description="learning rate after the warm-up, of groups with factor 1, as the head is")
    weight_decay: NonNegative = Field(description="weight decay; none on BatchNorm and biases")
    momentum: Probability | None = Field(description="SGD with Nesterov momentum; null for AdamW")
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] | None = Field(
        description="AdamW's decay of the means of gradient and squared gradient; null for SGD"
    )
    schedule: Literal["cosine", "constant", "linear"] = Field(
        description="how the learning rate goes on after the warm-up"
    )
    final_lr: Annotated[float, Field(gt=0, le=1)] | None = Field(
        description="fraction of the rate that `linear` goes to; null for the others"
    )
    warmup_epochs: NonNegative = Field(
        description="epochs in which the rate rises from 0; with `linear` at most trainer.max_epochs - 1"
    )
    warmup_momentum: Probability | None = Field(
        description="SGD's momentum at the warm-up's beginning; null: as after it"
    )
    nominal_batch: Annotated[int, Field(ge=1)] | None = Field(
        description="images that a step's gradients are summed over, in whole batches; null: one batch"
    )
    clip_norm: Positive | None = Field(description="greatest norm of a step's gradient; null: any")

    import_path: str | None = Field(
        default=None,
        description="package.module:Name of an optimizer of your own, called with parameter groups, `lr` and arguments",
    )
    arguments: Arguments = Field(default_factory=dict, description="further keyword arguments that it is called with")

    @field_validator("betas")
    @classmethod
    def _betas_below_one(cls, betas: list[float] | None) -> list[float] | None:
        if betas is not None and max(betas) >= 1:
            raise ValueError("each must be below 1")
        return betas


class TrainerConfig(Schema):
    """How long and on what the run trains."""

    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        description="auto: a GPU (CUDA, or Apple MPS) where there is one, else the CPU"
    )
    devices: Annotated[int, Field(ge=1)] = Field(description="processes, one a device; they share data.batch_size")
    max_epochs: Annotated[int, Field(ge=1)] = Field(description="epochs of a run, over all stages")
    max_time_s: Positive | None = Field(
        default=None,
        description="seconds of training, over all resumptions, after which a run ends with its epoch; null: any",
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        description="of the computation; weights stay in 32 bits"
    )
    channels_last: bool = Field(description="memory layout that GPUs convolve faster in")
    compile: bool = Field(description="true: torch.compile the network, again in each stage")
    sync_batchnorm: bool = Field(description="true: BatchNorm statistics over all GPUs instead of each one's own")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="further flags of Lightning's Trainer, such as deterministic: true"
    )


class EarlyStoppingConfig(Schema):
    """Ends the run when the monitored validation metric no longer improves in the strategy's last stage."""

    patience: Annotated[int, Field(ge=1)] | None = Field(
        description="epochs without improvement, counted from each stage's beginning; null: never"
    )
    min_delta: NonNegative = Field(description="least change of the monitored metric that is an improvement")


class CheckpointConfig(Schema):
    """How often `last.ckpt` is written, beside a signal and the run's end."""

    every_n_epochs: Annotated[int, Field(ge=1)] = Field(description="epochs from one last.ckpt to the next")
    every_n_minutes: Positive | None = Field(description="also in the middle of an epoch; null: never")


class CallbacksConfig(Schema):
    """Callbacks of the run."""

    monitor: str | None = Field(description="validation metric that chooses the best epoch; null: the task's own")
    early_stopping: EarlyStoppingConfig
    checkpoint: CheckpointConfig
    freeze_batch_norm: Literal["statistics", "statistics_and_affine"] | None = Field(
        description="keep the source's BatchNorm statistics, or weights and biases too, while all else trains; null: "
        "in frozen groups alone"
    )
    ema_decay: OpenFraction | None = Field(description="evaluate and save a moving average of the weights")
    ema_tau: Positive | None = Field(
        description="updates in which the average's decay rises to 63 % of ema_decay; null: a ramp of its own"
    )
    check_finite_every_n_steps: Annotated[int, Field(ge=1)] = Field(
        description="steps after which the loss is looked at again; NaN or infinity ends the run"
    )
    own: dict[OwnName, CodeConfig] = Field(
        default_factory=dict, description="name → what gives a callback of Lightning's kind"
    )

    @field_validator("monitor")
    @classmethod
    def _monitor_is_on_validation(cls, monitor: str | None) -> str | None:
        if monitor is not None and not monitor.startswith("val/"):
            raise ValueError(
                "the best epoch is chosen on validation only, as a choice on train or test would flatter the result; "
                "use a metric named val/…, such as val/oa or val/loss"
            )
        return monitor
