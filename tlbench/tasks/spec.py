"""What is known of a task before anything heavy is imported: pydantic and the standard library alone."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from tlbench.config.added import Added
from tlbench.config.augmentation import Augmentation
from tlbench.config.data_option import DataOption
from tlbench.config.task import TaskConfig
from tlbench.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from tlbench.config import TrainConfig

Mode = Literal["min", "max"]
"""The better direction of a metric."""


class ToolOptions(BaseModel):
    """The keys that one task adds to a tool around a run: a field is a key, with a default and a description.

    Attributes:
        about: What the tool's `--help` says of the task.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: ClassVar[str] = ""

    @property
    def reads_own_data(self) -> bool:
        """Whether the run's own data are read, whatever other data were named."""
        return False


AnyToolOptions = TypeVar("AnyToolOptions", bound=ToolOptions)


@dataclass(frozen=True)
class MetricSpec:
    """A metric of validation and test.

    Args:
        name: Behind `val/` and `test/`.
        better: Its better direction.
        monitors: Whether it can choose the best epoch.
        in_studies: Whether studies sum it up.
        percent: Whether it is shown in percent, its differences in percentage points.
        known_as: What others call it, or one near to it; lower case.
    """

    name: str
    better: Mode = "max"
    monitors: bool = True
    in_studies: bool = True
    percent: bool = False
    known_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class StandIns:
    """What is embedded for a task.

    Args:
        data: The data that stand in.
        source: The weights that stand in.
    """

    data: str
    source: str


@dataclass(frozen=True)
class TaskSpec:
    """A task.

    Args:
        name: In configs and records.
        config: The schema of `task`.
        augmentation: The schema of `augmentation`.
        data: What `data=` may name.
        metrics: The first is what arms are compared by, and on validation what chooses the best epoch by default.
        libraries: Values of `model.library`.
        sources: Values of `source`.
        stand_ins: What is embedded.
        problems: What is wrong with a configuration of this task beyond each value's own range, one line each.
        what: What an image has, in a few words.
        folder: Of `data`, what reads a folder of the user's own.
        wing: `package.module:Class` of the task's `Wing`, imported on first use.
        networks: What `model=` takes, for messages.
        augmentations: What `augmentation=` takes, likewise.
        caches_features: Whether the inputs of a frozen network's head can be computed once: a vector an image, not a
            feature for each place in it.
        added: Keys of this task alone that came while the record's format was 1.
        options: Tool → the keys that the task adds to it.
        known_as: What others call the task.
        was_the_only_one: Whether records that name no task are of it.
        dense: Whether its networks give logits for each place of an image, (B, C, H, W).
        outputs: Classes of the target → outputs of the network's head; as many, by default.
        conf: The package whose folder holds its config groups (`task/NAME.yaml` and others), for a task that comes
            from outside; None: they lie in tlbench's own `conf/`.
        per_image: `package.module:function` of what reads the file that `Wing.keep_test` names `per_image_test`, or the
            `predictions_test` of runs from before there was one: the arrays and the number of classes →
            `tlbench.metrics.per_image.PerImage`; without torch. It raises a `DataError` where it cannot. None:
            intervals over test images are not to be had.
    """

    name: str
    config: type[TaskConfig]
    augmentation: type[Augmentation]
    data: Mapping[str, DataOption]
    metrics: tuple[MetricSpec, ...]
    libraries: tuple[str, ...]
    sources: tuple[str, ...]
    stand_ins: StandIns
    problems: Callable[[TrainConfig], list[str]]
    what: str
    folder: str
    wing: str
    networks: str
    augmentations: tuple[str, ...]
    caches_features: bool = False
    added: tuple[Added, ...] = ()
    options: Mapping[str, type[ToolOptions]] = field(default_factory=dict)
    known_as: tuple[str, ...] = ()
    was_the_only_one: bool = False
    dense: bool = False
    outputs: Callable[[int], int] = int
    conf: str | None = None
    per_image: str | None = None

    @property
    def main_metric(self) -> str:
        """What arms are compared by: `test/…`."""
        return f"test/{self.metrics[0].name}"

    @property
    def default_monitor(self) -> str:
        """What chooses the best epoch, unless `callbacks.monitor` names another: `val/…`."""
        return f"val/{self.metrics[0].name}"

    @property
    def study_metrics(self) -> tuple[str, ...]:
        """What studies sum up, `test/…`; the first is compared, unless another is asked for."""
        return tuple(f"test/{metric.name}" for metric in self.metrics if metric.in_studies)

    def better(self, metric: str) -> Mode:
        """The better direction of a metric such as `test/oa` or `test/recall/cat`; of one of the user's own, higher."""
        name = metric.split("/")[1] if "/" in metric else metric
        return next((each.better for each in self.metrics if each.name == name), "max")

    def mode_of(self, monitor: str) -> Mode:
        """The better direction of a monitored metric.

        Args:
            monitor: `val/…`.

        Raises:
            ConfigError: It is not one of validation, or the task does not have it.
        """
        split, _, name = monitor.partition("/")
        monitored = {metric.name: metric.better for metric in self.metrics if metric.monitors}
        if split != "val" or name not in monitored:
            allowed = [f"val/{each}" for each in monitored]
            plain = name.lower().replace("-", "_")
            found = [f"val/{m.name}" for m in self.metrics if m.monitors and plain in m.known_as]
            found = found or difflib.get_close_matches(monitor, allowed, n=1)
            raise ConfigError(
                f"callbacks.monitor={monitor!r}: the best epoch is chosen on validation, by one of "
                f"{', '.join(allowed)}{did_you_mean(found)}"
            )
        return monitored[name]
