"""Class maps of files."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.annotations.maps.drawn import masks_of
from tlbench.tasks.semantic_segmentation.options import PredictMaps
from tlbench.tasks.semantic_segmentation.predictor import load_map_predictor
from tlbench.tasks.semantic_segmentation.table import SharesTable
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.drawn_folder import DrawnFolder, MapFolder
from tlbench.tools.file_job import FileJob
from tlbench.tools.letterboxed import CornerImage
from tlbench.tools.predict_options import PredictOptions


def segment_files(options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[CornerImage]:
    """A line of `SharesTable` for each file, and its map and a picture where they are asked for.

    Args:
        options: What was asked for.
        run: A segmentation run.
        names: All files.

    Raises:
        ConfigError: A folder to write into cannot be used; or as `load_map_predictor`.
        WeightsError, OutputError: As `load_map_predictor`; `lines` also where a map or a picture cannot be written.
    """
    how = decoding_of_run(run, options.image_limit(run.config.data.limits))
    asked = options.of(PredictMaps)
    maps = None if asked.maps is None else MapFolder(asked.maps, options.input, names)
    drawn = None if asked.draw is None else DrawnFolder(asked.draw, options.input, names, how)
    predictor = load_map_predictor(run, options.device)
    table = SharesTable(options.kind(), run.class_names)

    def lines(batch: list[tuple[str, CornerImage]]) -> list[str | None]:
        texts: list[str | None] = []
        for (name, _), found in zip(batch, predictor.said([image for _, image in batch]), strict=True):
            if found is None:
                texts.append(None)
                continue
            texts.append(table.row(name, found))
            if maps is not None:
                maps.keep(name, found.classes)
            if drawn is not None:
                drawn.draw(name, masks_of(found.classes, run.class_names))
        return texts

    return FileJob(
        decode=lambda content: predictor.decode(content, how),
        batch_size=predictor.batch_size,
        header=table.header(),
        lines=lines,
        done=lambda: "segmented",
    )
