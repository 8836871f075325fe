"""Classifying files."""

from __future__ import annotations

from tlbench.tasks.classification.inputs import Pixels
from tlbench.tasks.classification.options import PredictLabels
from tlbench.tasks.classification.predictor import load_predictor
from tlbench.tasks.classification.table import Table
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.file_job import FileJob
from tlbench.tools.predict_options import PredictOptions


def classify_files(options: PredictOptions, run: CompleteRun) -> FileJob[Pixels]:
    """A line for each file: its class and the probabilities of all.

    Raises:
        ConfigError, WeightsError, OutputError: As `load_predictor`.
    """
    predictor = load_predictor(run, options.device, options.of(PredictLabels).calibrated)
    table = Table(options.kind(), predictor.class_names)
    how = decoding_of_run(run, options.image_limit(run.config.data.limits))

    def lines(batch: list[tuple[str, Pixels]]) -> list[str | None]:
        rows = predictor.each_probabilities([pixels for _, pixels in batch])
        return [None if row is None else table.row(name, row) for (name, _), row in zip(batch, rows, strict=True)]

    return FileJob(
        decode=lambda content: predictor.decode(content, how),
        batch_size=predictor.batch_size,
        header=table.header(),
        lines=lines,
        done=lambda: "classified",
    )
