"""An arm's curves over its seeds for TensorBoard: a run beside the seeds', with mean and margin."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tlbench.records.record import Record
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.own_files import refuse_link

OVER_SEEDS = "over_seeds"
"""The folder, in the arm's own; of arms that share one, `over_seeds/<arm>` in the study's."""
EVENTS_FILE = "events.out.tfevents.0.over_seeds"
"""Always the same, so that a repeated command replaces it."""
_LEAST = 2  # seeds
_LOSSES = ("train/loss", "val/loss")
_PARTS = ("mean", "lower", "upper")


class _Point(NamedTuple):
    step: int
    mean: float
    lower: float
    upper: float


def write_over_seeds(study: Path, records: Sequence[Record]) -> list[Path]:
    """Write a TensorBoard run for each arm of two or more seeds whose runs have TensorBoard's events too.

    It holds the monitored metric and the losses as `<metric>/mean`, `<metric>/lower` and `<metric>/upper`, the lowest
    and the highest of the seeds, over the epochs that all of them reached, and a layout that shows each of these as a
    chart with its margin.

    Args:
        study: The study's folder.
        records: Of its complete runs.

    Returns:
        The files, arms in the order of the records; what an earlier command wrote there is replaced.

    Raises:
        OutputError: The disk refuses, or a link lies there.
    """
    arms: dict[str, list[Record]] = {}
    for record in records:
        if record.folder is not None and record.config.get("logger", {}).get("tensorboard"):
            arms.setdefault(record.arm, []).append(record)
    written = []
    for arm, runs in arms.items():
        curves = dict(_curves(runs)) if len(runs) >= _LEAST else {}
        if not curves:
            continue
        folder = _folder(study, arm, arms)
        refuse_link(folder)
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / EVENTS_FILE
        write_atomic(path, _events(curves, max(_finished(run) for run in runs)))
        written.append(path)
    return written


def _folder(study: Path, arm: str, arms: Mapping[str, Sequence[Record]]) -> Path:
    """The arm's own folder, where it has one that no other arm's runs lie in."""
    places = {name: {run.folder.parent for run in runs if run.folder is not None} for name, runs in arms.items()}
    own = places.pop(arm)
    shared = len(own) > 1 or any(own & other for other in places.values())
    return study / OVER_SEEDS / arm if shared else own.pop() / OVER_SEEDS


def _curves(runs: Sequence[Record]) -> Iterator[tuple[str, list[_Point]]]:
    """Metric → its points; a step is that of TensorBoard's in the runs, the last of its epoch from 0."""
    monitors = [run.best.monitor for run in runs[:1] if run.best is not None]
    for name in dict.fromkeys([*monitors, *_LOSSES]):
        points = []
        for rows in zip(*(run.curves for run in runs), strict=False):
            values = [value for row in rows if (value := row.get(name)) is not None and math.isfinite(value)]
            if len(values) == len(rows):
                step = int(rows[0].get("step") or rows[0].get("epoch") or 0) - 1
                points.append(_Point(step, sum(values) / len(values), min(values), max(values)))
        if points:
            yield name, points


def _events(curves: Mapping[str, Sequence[_Point]], wall_time: float) -> bytes:
    """The content of a file of events; the same for the same curves and time."""
    from tensorboard.compat.proto.event_pb2 import Event  # half a second
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    def events() -> Iterable[Event]:
        yield Event(wall_time=wall_time, file_version="brain.Event:2")
        yield Event(wall_time=wall_time, summary=Summary(value=[_layout(list(curves))]))
        for name, points in curves.items():
            for point in points:
                values = [Summary.Value(tag=f"{name}/{part}", simple_value=getattr(point, part)) for part in _PARTS]
                yield Event(wall_time=wall_time, step=point.step, summary=Summary(value=values))

    content = io.BytesIO()
    writer = RecordWriter(content)
    for event in events():
        writer.write(event.SerializeToString())
    return content.getvalue()


def _layout(names: Sequence[str]) -> object:
    """What TensorBoard's custom scalars show: a margin chart a metric; all arms' runs come into the same ones."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata

    charts = []
    for name in names:
        value, lower, upper = (f"{name}/{part}" for part in _PARTS)
        series = layout_pb2.MarginChartContent.Series(value=value, lower=lower, upper=upper)
        charts.append(layout_pb2.Chart(title=name, margin=layout_pb2.MarginChartContent(series=[series])))
    layout = layout_pb2.Layout(
        category=[layout_pb2.Category(title="over seeds: mean, lowest to highest", chart=charts)]
    )
    return Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG,
        tensor=TensorProto(dtype="DT_STRING", string_val=[layout.SerializeToString()], tensor_shape=TensorShapeProto()),
        metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME)),
    )


def _finished(run: Record) -> float:
    try:
        return datetime.fromisoformat(run.volatile.finished).timestamp()
    except ValueError:
        return 0.0
