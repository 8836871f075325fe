"""Finding objects in files."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.tasks.detection.drawn import boxes_of
from tlbench.tasks.detection.options import PredictBoxes
from tlbench.tasks.detection.predictor import load_box_predictor
from tlbench.tasks.detection.table import DetectionsTable
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.drawn_folder import DrawnFolder
from tlbench.tools.file_job import FileJob
from tlbench.tools.letterboxed import CornerImage
from tlbench.tools.predict_options import PredictOptions


def detect_files(options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[CornerImage]:
    """The lines of `DetectionsTable` for each file, and a picture where `draw` asks for it.

    Args:
        options: What was asked for.
        run: A detection run.
        names: All files.

    Raises:
        ConfigError: The folder to draw into cannot be used; or as `load_box_predictor`.
        WeightsError, OutputError: As `load_box_predictor`; `lines` also where a picture cannot be written.
    """
    how = decoding_of_run(run, options.image_limit(run.config.data.limits))
    asked = options.of(PredictBoxes)
    drawn = None if asked.draw is None else DrawnFolder(asked.draw, options.input, names, how)
    predictor = load_box_predictor(run, options.device)
    confidence = predictor.confidence if asked.confidence is None else asked.confidence
    table = DetectionsTable(options.kind())
    count = 0

    def lines(batch: list[tuple[str, CornerImage]]) -> list[str | None]:
        nonlocal count
        texts: list[str | None] = []
        detections = predictor.detect([image for _, image in batch], confidence)
        for (name, image), found in zip(batch, detections, strict=True):
            if found is None:
                texts.append(None)
                continue
            texts.append(table.rows(name, image.height, image.width, found))
            count += len(found)
            if drawn is not None:
                drawn.draw(name, boxes_of(found))
        return texts

    return FileJob(
        decode=lambda content: predictor.decode(content, how),
        batch_size=predictor.batch_size,
        header=table.header(),
        lines=lines,
        done=lambda: f"searched, {count} {'object' if count == 1 else 'objects'} found (confidence ≥ {confidence:.4g})",
    )
