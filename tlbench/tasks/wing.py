"""What a wing gives: all that one task has of its own and that only torch knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from tlbench.config import TrainConfig
from tlbench.data.batches import Batches
from tlbench.networks.network import Network
from tlbench.records.thumbnails import FIXED, fixed_order, write_thumbnails
from tlbench.tasks.base import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tlbench.data.target_module import TargetModule
    from tlbench.loggers.build import FigureWriter
    from tlbench.pictures.sheet import Tile
    from tlbench.tools.complete_run import CompleteRun
    from tlbench.tools.evaluate_options import EvaluateOptions
    from tlbench.tools.evaluator import Evaluator
    from tlbench.tools.file_job import FileJob
    from tlbench.tools.predict_options import PredictOptions
    from tlbench.tools.predictor import Predictor


@dataclass(frozen=True)
class OnnxOutput:
    """What an exported network gives.

    Attributes:
        name: In the graph.
        parts: Quantity → where it stands along the second dimension; each is compared by its own magnitude.
        of_first: Whether it is the first of several things that the network gives.
    """

    name: str
    parts: Mapping[str, slice]
    of_first: bool = False

    @property
    def quantities(self) -> str:
        """What is compared, for messages."""
        return " and ".join(self.parts)


@dataclass(frozen=True)
class OnnxContract:
    """What an exported file says of itself.

    Attributes:
        parts: Key → JSON value: `preprocessing`, and `postprocessing` where something is to be done with the output.
        plain: Key → text that other programs read.
    """

    parts: Mapping[str, Any]
    plain: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Tested:
    """A run that has just been tested.

    Attributes:
        folder: The run's.
        task: Which was tested.
        module: Its data.
        predictions: As `task.predictions()` gives them.
        writer: Takes figures, as `test/<name>`; None: there is no logger.
        step: Global step at the end of training.
    """

    folder: Path
    task: Task
    module: TargetModule
    predictions: dict[str, Tensor]
    writer: FigureWriter | None
    step: int

    def show(self, figures: Mapping[str, Figure]) -> dict[str, str]:
        """Keep figures of the test as `test_<name>.png` beside the record, and give them to the loggers.

        Returns:
            Name → file.

        Raises:
            OutputError: The disk refuses.
        """
        from tlbench.pictures.files import write_figures

        files = write_figures(self.folder, "test", figures)
        if self.writer is not None:
            for name, figure in figures.items():
                self.writer.add_figure(f"test/{name}", figure, self.step)
        return files

    def in_small(self, worst: Sequence[int]) -> list[int]:
        """Positions of the test images that are kept in small: the sample that all runs keep, then the run's worst."""
        split = self.module.target.splits["test"]
        return list(dict.fromkeys([*fixed_order(split.names, len(split))[:FIXED], *worst]))

    def keep_small(self, tiles: Mapping[int, Tile], *, drawn: bool, legend: str = "") -> dict[str, str]:
        """Keep test images in small for a report, with what is drawn on them; arguments as in `write_thumbnails`.

        Returns:
            `thumbnails_test` → file.

        Raises:
            OutputError: The disk refuses.
        """
        names = self.module.target.splits["test"].names
        file = write_thumbnails(self.folder, "test", tiles, names, drawn=drawn, legend=legend)
        return {"thumbnails_test": file}


OwnFormat = Callable[["CompleteRun", Path, bool], str]
"""Writes the network of a run into a file, in half precision or not → one line on it."""


class Wing(Protocol):
    """A task's own part of each thing that tlbench does.

    Attributes:
        onnx_output: What an exported network gives.
    """

    onnx_output: OnnxOutput

    def batches(self, config: TrainConfig) -> Batches[Any]:
        """How the annotations get from a split to the network's input."""

    def task(self, network: Network, config: TrainConfig, class_names: Sequence[str]) -> Task:
        """The task around a network whose weights are loaded already.

        Raises:
            ConfigError: The monitored metric or the strategy do not fit.
        """

    def keep_test(self, tested: Tested) -> dict[str, str]:
        """Write predictions and pictures beside the record, and show the pictures in the loggers.

        Returns:
            What each file is → its name.
        """

    def evaluator(self, options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> Evaluator:
        """An evaluation of a finished run on the data of a configuration."""

    def file_job(self, options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[Any]:
        """What `predict` does with each file."""

    def predictor(self, run: CompleteRun, device: str, calibrated: bool) -> Predictor[Any, Any]:
        """What `tlbench.load` gives.

        Raises:
            ConfigError: `calibrated` is not for this task.
        """

    def onnx(self, run: CompleteRun, module: nn.Module) -> OnnxContract:
        """What an exported file of the run's network says of itself.

        Raises:
            ConfigError: The run's record lacks what its validation chose.
        """

    def own_formats(self) -> Mapping[str, OwnFormat]:
        """Suffix → how a run's network is written for another program, beside ONNX and plain weights."""

    def elsewhere(self, run: CompleteRun, path: Path) -> list[str]:
        """How other programs predict with an exported file as tlbench does, and where they do not; lines."""
