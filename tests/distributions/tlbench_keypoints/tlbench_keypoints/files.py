"""Finding key points in files, as CSV or JSON lines, and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tlbench.system.names import printable
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.decoding import decoding_of_run
from tlbench.tools.drawn_folder import DrawnFolder
from tlbench.tools.file_job import FileJob
from tlbench.tools.predict_options import PredictOptions
from tlbench.tools.table_text import csv_line, rounded
from tlbench_keypoints.inputs import PointInput
from tlbench_keypoints.options import PredictPoints
from tlbench_keypoints.pictures import marks_of
from tlbench_keypoints.predictor import KeyPoint, load_predictor


def find_in_files(options: PredictOptions, run: CompleteRun, names: Sequence[str]) -> FileJob[PointInput]:
    """A line for each file, and a picture where `draw` asks for it.

    Raises:
        ConfigError: The folder to draw into cannot be used; or as `load_predictor`.
    """
    how = decoding_of_run(run, options.image_limit(run.config.data.limits))
    asked, kind = options.of(PredictPoints), options.kind()
    drawn = None if asked.draw is None else DrawnFolder(asked.draw, options.input, names, how)
    predictor = load_predictor(run, options.device)
    columns = [printable(name) for name in predictor.class_names]

    def line(name: str, image: PointInput, found: Sequence[KeyPoint]) -> str:
        if kind == "csv":
            return csv_line([printable(name), *(rounded(value) for point in found for value in (point.x, point.y))])
        points = {printable(point.name): [rounded(point.x), rounded(point.y)] for point in found}
        said = {"file": printable(name), "width": image.width, "height": image.height, "points": points}
        return json.dumps(said, ensure_ascii=False) + "\n"

    def lines(batch: list[tuple[str, PointInput]]) -> list[str | None]:
        texts: list[str | None] = []
        for (name, image), found in zip(batch, predictor.said([each for _, each in batch]), strict=True):
            texts.append(None if found is None else line(name, image, found))
            if found is not None and drawn is not None:
                places = [(point.x, point.y) for point in found]
                drawn.draw(name, marks_of(predictor.points, places, max(image.height, image.width)))
        return texts

    return FileJob(
        decode=lambda content: predictor.decode(content, how),
        batch_size=predictor.batch_size,
        header=csv_line(["file", *columns]) if kind == "csv" else "",
        lines=lines,
        done=lambda: f"searched for {len(predictor.points)} points each",
    )
