"""Classifying files."""

from __future__ import annotations

from tlbench.data.decode import decode_square
from tlbench.tasks.classification.inputs import Square
from tlbench.tasks.classification.options import PredictLabels
from tlbench.tasks.classification.predictor import is_defined, load_predictor, stacked
from tlbench.tasks.classification.table import Table
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.file_job import FileJob
from tlbench.tools.predict_options import PredictOptions


def classify_files(options: PredictOptions, run: CompleteRun) -> FileJob[Square]:
    """A line for each file: its class and the probabilities of all.

    Raises:
        ConfigError, WeightsError, OutputError: As `load_predictor`.
    """
    predictor = load_predictor(run, options.device, options.of(PredictLabels).calibrated)
    table = Table(options.kind(), predictor.class_names)
    data = predictor.data
    how = decoding_of_run(run, options.image_limit(data.limits))

    def lines(batch: list[tuple[str, Square]]) -> list[str | None]:
        rows = predictor.probabilities(stacked([square for _, square in batch])).numpy()
        return [table.row(name, row) if is_defined(row) else None for (name, _), row in zip(batch, rows, strict=True)]

    return FileJob(
        decode=lambda content: decode_square(content, data.stored_side, data.fit, how=how),
        batch_size=predictor.batch_size,
        header=table.header(),
        lines=lines,
        done=lambda: "classified",
    )
