"""Warnings about recipes that are known to fail; each names its remedy. They go into the log and the record."""

from __future__ import annotations

from tlbench.adaptation.parameter_groups import learning_rate_scales
from tlbench.config import TrainConfig
from tlbench.models.network import Network
from tlbench.models.norms import batch_norm_layers

SMALL_BATCH = 16
"""Below it, a batch's statistics are too noisy for BatchNorm (Wu & He 2018, arXiv:1803.08494, figure 1)."""


def advise(config: TrainConfig, network: Network) -> list[str]:
    """What is unwise about a configuration, one line each."""
    found = [_learning_rates(config, network), _strategy(config), _penalty(config), _batch_norm(config, network)]
    return [line for line in found if line is not None]


def _learning_rates(config: TrainConfig, network: Network) -> str | None:
    strategy = config.strategy
    scales = learning_rate_scales(list(network.groups), strategy.lr_decay, strategy.lr_scales)
    above = [group for group, scale in scales.items() if scale > scales[network.head]]
    if config.source.name == "random" or strategy.name == "feature_extractor" or not above:
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
        return (
            f"regulariser={c.name} has no effect with strategy=feature_extractor, whose backbone cannot move; use "
            "regulariser=none"
        )
    if c.l2_sp > 0 and config.optimizer.weight_decay > 0:
        return (
            f"regulariser.l2_sp={c.l2_sp:g} pulls the weights towards the source and "
            f"optimizer.weight_decay={config.optimizer.weight_decay:g} towards zero; use optimizer.weight_decay=0"
        )
    return None


def _batch_norm(config: TrainConfig, network: Network) -> str | None:
    each = config.data.batch_size // config.trainer.devices
    frozen = config.callbacks.freeze_batch_norm is not None or config.strategy.name == "feature_extractor"
    if each >= SMALL_BATCH or frozen or config.trainer.sync_batchnorm or not batch_norm_layers(network.module):
        return None
    process = "" if config.trainer.devices == 1 else " for each process"
    return (
        f"BatchNorm trains on batches of {each} images{process}, whose statistics are noisy below {SMALL_BATCH}; use "
        "callbacks.freeze_batch_norm=statistics, model.norm=group, or a larger data.batch_size"
    )
