"""Warnings about recipes that are known to fail; each names its remedy. They go into the log and the record."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.adaptation.accumulation import batches_per_step, steps_of
from tlbench.adaptation.parameter_groups import learning_rate_scales
from tlbench.adaptation.schedule import warmup_steps
from tlbench.adaptation.stages import plan_stages
from tlbench.config import DataConfig, TrainConfig
from tlbench.config.size import size_text
from tlbench.networks.network import Network
from tlbench.networks.norms import batch_norm_layers

SMALL_BATCH = 16
"""Below it, a batch's statistics are too noisy for BatchNorm (Wu & He 2018, arXiv:1803.08494, figure 1)."""

FEW_STEPS = 100
"""Optimizer steps of a run; with some 20, average precision on Signature scattered by half its mean (docs/results)."""


def advise(config: TrainConfig, network: Network, train_images: int) -> list[str]:
    """What is unwise about a configuration, one line each.

    Args:
        config: The run's configuration.
        network: The run's network.
        train_images: How many images an epoch has.

    Raises:
        ConfigError: The strategy's stages or learning-rate scales do not fit the network.
    """
    stages = plan_stages(config.strategy, list(network.groups), network.head, config.trainer.max_epochs)
    trained = stages[-1].trainable
    found = [
        _learning_rates(config, network, trained),
        _strategy(config),
        _penalty(config),
        _small_batch(config, network, trained),
        _batch_norm_options(config, network),
        _group_norm(config, network),
        _few_steps(config, train_images),
        _time_limit(config, len(stages)),
        _stretched(config.data),
    ]
    return [line for line in found if line is not None]


def _learning_rates(config: TrainConfig, network: Network, trained: Sequence[str]) -> str | None:
    scales = learning_rate_scales(list(network.groups), config.strategy.lr_decay, config.strategy.lr_scales)
    above = [group for group in trained if scales[group] > scales[network.head]]
    if config.source.name == "random" or not above:
        return None
    return (
        f"the pretrained layer groups {', '.join(above)} have a higher learning rate than the new head: they would be "
        "overwritten before the head is of use; lower their factors in strategy.lr_scales"
    )


def _strategy(config: TrainConfig) -> str | None:
    name = config.strategy.name
    if config.source.name != "random" or name == "full":
        return None
    what = {
        "feature_extractor": "the head is trained on features of random weights that never learn",
        "head_then_full": "the head is first trained on features of random weights",
        "gradual_unfreezing": "lower layers are left at random weights for the first stages",
    }[name]
    return f"strategy={name} makes no sense for source=random: {what}; use strategy=full for this arm"


def _penalty(config: TrainConfig) -> str | None:
    c = config.regulariser
    if config.source.name == "random" and c.l2_sp > 0:
        return (
            f"regulariser.l2_sp={c.l2_sp:g} makes no sense for source=random: it would hold the weights at a random "
            "start; use regulariser=none for this arm"
        )
    if config.strategy.name == "feature_extractor" and (c.l2_sp > 0 or c.bss > 0):
        idle = " and ".join(f"regulariser.{k}={v:g}" for k, v in (("l2_sp", c.l2_sp), ("bss", c.bss)) if v > 0)
        return f"{idle}: no effect with strategy=feature_extractor, whose backbone cannot move; use 0"
    if c.l2_sp > 0 and config.optimizer.weight_decay > 0:
        return (
            f"regulariser.l2_sp={c.l2_sp:g} pulls the weights towards the source and "
            f"optimizer.weight_decay={config.optimizer.weight_decay:g} towards zero; use optimizer.weight_decay=0"
        )
    return None


def _small_batch(config: TrainConfig, network: Network, trained: Sequence[str]) -> str | None:
    shared = config.trainer.devices == 1 or config.trainer.sync_batchnorm
    images = config.data.batch_size if shared else config.data.batch_size // config.trainer.devices
    trains = any(network.group_of(name) in trained for name, _ in batch_norm_layers(network.module))
    if images >= SMALL_BATCH or not trains or config.callbacks.freeze_batch_norm is not None:
        return None
    return (
        f"BatchNorm trains on batches of {images} images{'' if shared else ' for each process'}, whose statistics are "
        f"noisy below {SMALL_BATCH}; use callbacks.freeze_batch_norm=statistics, model.norm=group, or a larger "
        "data.batch_size"
    )


def _batch_norm_options(config: TrainConfig, network: Network) -> str | None:
    policy = config.callbacks.freeze_batch_norm
    if batch_norm_layers(network.module):
        if policy is None or config.source.name != "random":
            return None
        return (
            f"callbacks.freeze_batch_norm={policy} makes no sense for source=random: its statistics are mean 0 and "
            "variance 1, so that nothing is normalised; use model.norm=group in all arms"
        )
    idle = {} if policy is None else {f"callbacks.freeze_batch_norm={policy}": "null"}
    if config.trainer.sync_batchnorm:
        idle["trainer.sync_batchnorm=true"] = "false"
    if not idle:
        return None
    return f"{' and '.join(idle)}: no effect, as the network has no BatchNorm; use {' and '.join(idle.values())}"


def _group_norm(config: TrainConfig, network: Network) -> str | None:
    if config.model.norm == "batch" or network.dropped:
        return None
    return "model.norm=group: no effect, as the network has no BatchNorm to replace; use model.norm=batch"


def _few_steps(config: TrainConfig, train_images: int) -> str | None:
    images = config.data.batch_size
    window = batches_per_step(config.optimizer, images)
    an_epoch, epochs = train_images // images, config.trainer.max_epochs
    batches = an_epoch * epochs
    steps = steps_of(batches, min(window, batches), warmup_steps(config.optimizer, an_epoch, epochs))
    if window == 1 or steps >= FEW_STEPS:
        return None
    return (
        f"only {steps} optimizer steps in the whole run, as optimizer.nominal_batch="
        f"{config.optimizer.nominal_batch} sums the gradients of {window} batches of {images} images for each: seeds "
        f"will scatter; use optimizer.nominal_batch={images} for {batches} steps, or a larger trainer.max_epochs"
    )


def _time_limit(config: TrainConfig, stages: int) -> str | None:
    c, schedule, planned = config.trainer, config.optimizer.schedule, {}
    if schedule != "constant":
        planned[f"optimizer.schedule={schedule}"] = "the learning rate would still be high at the end"
    if stages > 1:
        planned[f"strategy={config.strategy.name}"] = "stages that begin later would be left out"
    if c.max_time_s is None or not planned:
        return None
    constant = "optimizer.schedule=constant, or " if stages == 1 else ""
    return (
        f"trainer.max_time_s={c.max_time_s:g} may end the run before the trainer.max_epochs={c.max_epochs} that "
        f"{' and '.join(planned)} rel{'y' if len(planned) > 1 else 'ies'} on: {', and '.join(planned.values())}; use "
        f"{constant}as many trainer.max_epochs as the time allows (plan=true estimates it)"
    )


def _stretched(data: DataConfig) -> str | None:
    (height, width), (stored_height, stored_width) = data.input_size, data.storage_size
    if abs(stored_width * height - stored_height * width) < max(height, width):  # a pixel, by rounding
        return None
    fitting = size_text((stored_height, max(round(stored_height * width / height), 1)))
    remedy = f"use data.stored_size={fitting} or null" if getattr(data, "stored_size", None) else "use one number"
    return (
        f"data.image_size={size_text(data.input_size)}: stored images, of {stored_height} by {stored_width} pixels, "
        f"are stretched to this other shape; {remedy}"
    )
