"""The stages of a strategy: which layer groups train, and from when on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tlbench.config import AnyStrategy, FeatureExtractorConfig, GradualUnfreezingConfig, HeadThenFullConfig
from tlbench.errors import ConfigError
from tlbench.networks.layer_groups import DECODER


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Args:
        name: What it adds (`head`, `layer4`, `layer1+stem`), or `full` where all groups train together at once.
        unfreezes: Layer groups that begin to train in it, from input to head.
        trainable: All that train in it, from input to head.
        begins: Epochs completed when it begins; None: when the stage before has stalled.
    """

    name: str
    unfreezes: tuple[str, ...]
    trainable: tuple[str, ...]
    begins: int | None


def plan_stages(strategy: AnyStrategy, groups: Sequence[str], head: str, max_epochs: int) -> list[Stage]:
    """The stages of a strategy on a network. A decoder is as new as the head, and trains whenever that does.

    Args:
        strategy: The strategy's configuration.
        groups: The network's layer groups, from input to head.
        head: The group that is new.
        max_epochs: Epochs of the whole run.

    Raises:
        ConfigError: A pattern matches no layer group; stages overlap (a group in two of them, or two that begin at
            once); a stage unfreezes nothing, or would begin after the run's end; the head is not in the first stage.
    """
    new = tuple(group for group in groups if group in (DECODER, head))
    name_of_new = "+".join(reversed(new))
    if isinstance(strategy, GradualUnfreezingConfig):
        added = _added(strategy, groups, new)
        begins = _begins(strategy, added, max_epochs)
        names = ["+".join(reversed(group)) for group in added]
    elif isinstance(strategy, HeadThenFullConfig):
        added = [new, tuple(group for group in groups if group not in new)]
        begins, names = [0, strategy.head_epochs], [name_of_new, "full"]
    elif isinstance(strategy, FeatureExtractorConfig):
        added, begins, names = [new], [0], [name_of_new]
    else:
        added, begins, names = [tuple(groups)], [0], ["full"]
    stages = []
    for number, name in enumerate(names):
        so_far = {group for stage in added[: number + 1] for group in stage}
        trainable = tuple(group for group in groups if group in so_far)
        stages.append(Stage(name, added[number], trainable, begins[number]))
    return stages


def matching(pattern: str, groups: Sequence[str], key: str) -> list[str]:
    """The layer groups that a pattern names, from input to head.

    Args:
        pattern: As in `fnmatch`: `layer4`, `layer*`, `layer[1-3]`.
        groups: The network's layer groups.
        key: Where the pattern stands, for the message.

    Raises:
        ConfigError: It names none.
    """
    found = [group for group in groups if fnmatchcase(group, pattern)]
    if not found:
        raise ConfigError(f"{key}: the pattern {pattern!r} matches no layer group; there are {', '.join(groups)}")
    return found


def _added(strategy: GradualUnfreezingConfig, groups: Sequence[str], new: Sequence[str]) -> list[tuple[str, ...]]:
    if strategy.stages is None:
        return [tuple(new), *((group,) for group in reversed(groups) if group not in new)]
    if not strategy.stages:
        raise ConfigError(
            "strategy.stages=[]: no stage; name what each stage unfreezes, or use null for a group a stage"
        )
    seen: dict[str, int] = {}
    added = []
    for number, patterns in enumerate(strategy.stages, start=1):
        key = f"strategy.stages: stage {number} {patterns}"
        if not patterns:
            raise ConfigError(f"{key}: unfreezes nothing; name layer groups, or drop the stage")
        found = {group for pattern in patterns for group in matching(pattern, groups, key)}
        for group in (g for g in groups if g in found):
            if group in seen:
                raise ConfigError(
                    f"{key}: overlaps stage {seen[group]}, which unfreezes {group!r} already; name each group once"
                )
            seen[group] = number
        added.append(tuple(group for group in groups if group in found))
    for group in reversed(new):
        if group not in added[0]:
            raise ConfigError(
                f"strategy.stages: stage 1 {strategy.stages[0]} leaves the {group} frozen, which starts at random; put "
                f"{group!r} into stage 1"
            )
    return added


def _begins(strategy: GradualUnfreezingConfig, added: list[tuple[str, ...]], max_epochs: int) -> list[int | None]:
    if strategy.stall_patience is not None:
        _check_stalls(strategy.stall_patience, added, max_epochs)
        return [0, *[None] * (len(added) - 1)]
    if strategy.every_n_epochs is not None:
        key = f"strategy.every_n_epochs={strategy.every_n_epochs}"
        epochs = [strategy.every_n_epochs * number for number in range(1, len(added))]
    else:
        assert strategy.at_epochs is not None
        key, epochs = f"strategy.at_epochs={strategy.at_epochs}", strategy.at_epochs
        if len(epochs) != len(added) - 1:
            stages = ", ".join("+".join(reversed(groups)) for groups in added)
            raise ConfigError(
                f"{key}: {len(epochs)} epochs for {len(added)} stages ({stages}); the first begins at once, so give "
                f"{len(added) - 1}"
            )
    for number, (before, epoch) in enumerate(zip([0, *epochs], epochs, strict=False), start=2):
        stage = f"stage {number} ({'+'.join(reversed(added[number - 1]))})"
        if epoch <= before:
            raise ConfigError(f"{key}: {stage} overlaps the one before, which begins at epoch {before}; let them rise")
        if epoch >= max_epochs:
            raise ConfigError(
                f"{key}: {stage} would begin after {epoch} epochs and never unfreeze anything; use less than "
                f"trainer.max_epochs={max_epochs}, fewer stages, or more epochs"
            )
    return [0, *epochs]


def _check_stalls(patience: int, added: list[tuple[str, ...]], max_epochs: int) -> None:
    """A stage's first epoch is always an improvement, so that a stage takes at least patience + 1 epochs."""
    for number, groups in enumerate(added, start=1):
        earliest = (number - 1) * (patience + 1)
        if earliest >= max_epochs:
            raise ConfigError(
                f"strategy.stall_patience={patience}: stage {number} ({'+'.join(reversed(groups))}) would begin after "
                f"{earliest} epochs at the earliest and never unfreeze anything; use fewer stages, less patience, or "
                f"more epochs than trainer.max_epochs={max_epochs}"
            )
