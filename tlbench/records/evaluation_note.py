"""The numbers of evaluations in the record of the run that they were made of: the one thing added to a record later.

Statistics read records; what an evaluation found, as the mean OA on corrupted images, is therefore noted there, under
the name of the file that says all about it. Everything else in the record stays byte for byte as the run wrote it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tlbench.errors import OutputError
from tlbench.records.evaluation import EvaluationRecord
from tlbench.records.folder import BEST_CHECKPOINT
from tlbench.records.lock import locked
from tlbench.records.record import FILE_NAME, EvaluationNote
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.names import without_nan

_KEY = "evaluations"

_PATIENCE_S = 30.0
"""How long it waits for another evaluation to be noted."""


def note_of(evaluation: EvaluationRecord) -> EvaluationNote:
    """What the record says of an evaluation: its metrics without those per class, of corruptions, of a calibration."""
    split, calibration = evaluation.data.split, evaluation.calibration
    metrics = {name: value for name, value in evaluation.metrics.items() if name.count("/") == 1}
    if calibration is not None:
        metrics["val/temperature"] = calibration.temperature
        metrics[f"{split}/ece_calibrated"] = calibration.ece_after
        metrics[f"{split}/nll_calibrated"] = calibration.nll_after
    corruptions = evaluation.corruptions
    if corruptions is not None:
        metrics |= corruptions.metrics(split)
    return EvaluationNote(
        data=evaluation.data.name,
        split=split,
        checkpoint_sha256=evaluation.run.checkpoint_sha256,
        metrics=metrics,
        corruptions=None if corruptions is None else corruptions.version,
    )


def note_evaluation(folder: Path, name: str, note: EvaluationNote) -> bool:
    """Add an evaluation to the record of a complete run, or replace the one of that name.

    Args:
        folder: The run's folder.
        name: The evaluation's file.
        note: Its numbers.

    Returns:
        False where the record is not as tlbench writes it, was edited by hand, say: it is then left as it is, since it
        could not be written again without changing more.

    Raises:
        FolderInUse: The run is being repeated by another process.
        OutputError: The disk refuses, or the run's weights are others by now; the record is then still whole and
            unchanged.
    """
    path = folder / FILE_NAME
    with output_errors(folder), locked(folder, _PATIENCE_S):
        before = path.read_bytes()
        try:
            record = json.loads(before)
            unchanged = _text(record) == before
        except ValueError:
            return False
        if not unchanged or not isinstance(record, dict) or record.get("status") != "complete":
            return False
        tested = record.get("files", {}).get(BEST_CHECKPOINT, note.checkpoint_sha256)
        if tested != note.checkpoint_sha256:
            raise OutputError(
                f"{path}: the run was repeated while it was evaluated, with other weights; the record does not take "
                "the evaluation's numbers: evaluate it again"
            )
        without = {"corruptions"} if note.corruptions is None else None
        record.setdefault(_KEY, {})[name] = without_nan(note.model_dump(mode="json", exclude=without))
        after = _text(record)
        if after != before:
            write_atomic(path, after)
    return True


def _text(record: Any) -> bytes:
    """As `write_record` writes it."""
    return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False).encode() + b"\n"
