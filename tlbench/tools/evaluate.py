"""What `python -m tlbench.evaluate` does, once its options are known to be sound."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.config import TrainConfig
from tlbench.console import complain, say, shown
from tlbench.errors import Failure, OutputError
from tlbench.metrics.finite_outputs import NonFiniteOutputs
from tlbench.records.evaluation import TOLERANCE, Comparison, EvaluationRecord
from tlbench.system.interrupts import interruptible
from tlbench.tasks.wings import wing_of
from tlbench.tools.complete_run import CompleteRun
from tlbench.tools.evaluate_options import EvaluateOptions
from tlbench.tools.evaluator import Evaluator
from tlbench.tools.show import show_evaluation


def evaluate(options: EvaluateOptions, run: CompleteRun, config: TrainConfig) -> EvaluationRecord:
    """Evaluate a run, show the result and write it beside the record; what was evaluated before is shown alone.

    Args:
        options: What to evaluate.
        run: The run.
        config: Its configuration, with the data to evaluate on.

    Raises:
        UserError: The data, the weights or the folder are at fault.
        NonFiniteOutputs: The network gave NaN or +inf, so that metrics are undefined; the evaluation is written.
        Failure: The recomputed metrics are not the recorded ones; the evaluation is written all the same.
        OutputError: The result is shown, but the disk that should keep it fails; where the run's folder is merely
            read-only, that is a warning.
        Interrupted: A signal asked to stop.
    """
    with interruptible():
        evaluator = wing_of(config).evaluator(options, run, config)
        earlier = None if options.rerun else evaluator.earlier()
        if earlier is not None:
            path, record = earlier
            say(f"evaluated before, {record.volatile.finished}; nothing to compute (rerun=true computes it again)")
            show_evaluation(record)
            say(f"evaluation: {shown(path)}")
        else:
            record = _evaluated(evaluator)
    if evaluator.problems:
        raise NonFiniteOutputs("; ".join(evaluator.problems))
    if record.comparison is not None and record.comparison.differing:
        raise Failure(_disagreement(record, record.comparison, run))
    return record


def _evaluated(evaluator: Evaluator) -> EvaluationRecord:
    record, stem = evaluator.run()
    show_evaluation(record)
    try:
        say(f"evaluation: {shown(evaluator.keep(record, stem))}")
    except OutputError as error:
        if not error.unwritable:
            raise
        complain(f"warning: the evaluation is not kept: {error}")
    return record


def _disagreement(record: EvaluationRecord, comparison: Comparison, run: CompleteRun) -> str:
    names: Sequence[str] = comparison.differing
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    here, there = record.volatile.device, run.record.volatile.device
    where = f"; the run was tested on {there}, this is {here}, which may round differently" if here != there else ""
    size = comparison.largest_difference
    return (
        f"{shown(run.folder)}: recomputed metrics differ from the recorded ones by "
        f"{'a value that is undefined' if size is None else f'up to {size:.2g}'}, more than {TOLERANCE:g}: "
        f"{', '.join(names[:3])}{rest}{where}"
    )
