"""What limits a study's figures, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tlbench.records.record import Record
from tlbench.study.arm import Arm
from tlbench.study.comparisons import MOST_ARMS, Difference
from tlbench.tasks.spec import TaskSpec


def notes_on(
    arms: Sequence[Arm], differences: Sequence[Difference], factor: str, alone: Collection[str] = ()
) -> Iterable[str]:
    """What is missing, and what is compared with nothing.

    Args:
        arms: Of the study.
        differences: From the baselines, in its primary metric.
        factor: That arms are compared in.
        alone: Arms in which one random stream alone follows the seed.
    """
    compared = {name for d in differences for name in (d.arm, d.baseline)}
    single = [arm.name for arm in arms if arm.n_complete == 1]
    if single and all(arm.n_complete <= 1 for arm in arms):
        yield "One seed: no variance can be reported."
    elif single:
        yield f"One seed in {', '.join(single)}: no variance can be reported there."
    for arm in arms:
        if arm.n_complete == 0:
            yield f"{arm.name}: no complete run."
        for metric, spread in arm.metrics.items():
            if spread.n < arm.n_complete:
                yield f"{metric} is undefined in {arm.n_complete - spread.n} of {arm.n_complete} runs of {arm.name}."
        if arm.n_complete and len(arms) > 1 and arm.name not in compared and arm.name not in alone:
            yield f"{arm.name}: no other arm differs from it in {factor} alone, so it is not compared."
    bases = {d.baseline for d in differences}
    if len(bases) == 1 and len(compared) > MOST_ARMS:
        yield (
            f"{len(compared)} arms: each is compared with {bases.pop()} alone; python -m tlbench.compare FIRST SECOND, "
            "with the folders of two arms, compares others."
        )
    if alone and len(arms) > 1:
        yield (
            f"{len(alone)} arms in which one random stream alone follows the seed (vary) tell where the spread comes "
            "from, and are not compared."
        )
    if len(arms) == 1:
        yield "One arm: no difference to report."
    for d in differences:
        for name, seeds in ((d.arm, d.paired.only_a), (d.baseline, d.paired.only_b)):
            if seeds and d.paired.n:
                which = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} of {name}"
                yield f"{d.arm} − {d.baseline} leaves out {which}: no partner."


def incomplete(arm: Arm, primary: str, spec: TaskSpec) -> str | None:
    """That an arm's figures are conditional on its runs' success, and their worst case; None where all completed.

    The worst case counts the others as 0, for metrics that have no lower value.
    """
    if not arm.n_failed or not arm.n_complete:
        return None
    runs = arm.n_failed + arm.n_complete
    said = f"{arm.name}: {arm.n_failed} of {runs} runs did not complete; its figures and intervals are of the others"
    spread, name = arm.metrics[primary], primary.partition("/")[2]
    bounded = any(metric.name == name and metric.percent and metric.better == "max" for metric in spec.metrics)
    if spread.mean is None or not bounded:
        return f"{said}."
    return f"{said}; with the others counted as 0 its {primary} would be {100 * spread.mean * spread.n / runs:.1f} %."


def uncovered(differences: Sequence[Difference]) -> list[str]:
    """Why intervals do not cover the test images, each reason once."""
    reasons = dict.fromkeys(d.paired.uncovered for d in differences if d.paired.uncovered is not None)
    return [f"The intervals do not cover the test images: {reason}." for reason in reasons]


def negative_transfer(arms: Sequence[Arm], differences: Sequence[Difference]) -> Iterable[str]:
    """Where weights of a source are worse than random ones, by the verdict: negative transfer (Pan & Yang 2010).

    Args:
        arms: Of the study.
        differences: In its primary metric.
    """
    sources = {arm.name: arm.source for arm in arms}
    for d in differences:
        worse, better = (d.arm, d.baseline) if d.paired.verdict == "worse" else (d.baseline, d.arm)
        decided = d.paired.verdict in ("better", "worse")
        if decided and sources.get(better) == "random" and sources.get(worse) not in ("random", None):
            yield (
                f"Negative transfer: {worse} is worse than {better}. With this recipe the source's weights cost more "
                "than they bring; another learning rate or strategy, or a source closer to the target, may change that."
            )


def one_fold(runs: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    """That all runs have the same fold, where they were to have one each.

    Args:
        runs: Arm → its complete runs.
    """
    rules = [run.data.split_rule for of in runs.values() for run in of if run.data]
    folds, seeds = {rule.get("folds") for rule in rules}, {rule.get("split_seed") for rule in rules}
    if len(rules) > 1 and None not in folds and len(seeds) == 1:
        count = next(iter(folds))
        yield (
            f"All runs have the same of {count} folds, as they have one split seed; with 'seeds.split=${{seed}}' each "
            "seed has its own."
        )


def one_stream(runs: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    """That one random stream alone follows the seed in all runs, so that nothing else is in the spread over seeds.

    Args:
        runs: Arm → its complete runs.
    """
    varied = {run.config.get("vary") for of in runs.values() for run in of}
    if len(varied) == 1 and (stream := varied.pop()) not in (None, "all"):
        yield (
            f"Only seeds.{stream} followed the seed (vary={stream}): means and intervals are those of the other "
            "streams' seeds 0, and cover no others."
        )
