"""A paragraph on methods, for a paper: what was done, by the records, and the sources of the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.records.record import Record
from tlbench.reporting.tables import tex
from tlbench.study.collect import covered
from tlbench.study.differences import IMAGES
from tlbench.study.sentences import all_cover
from tlbench.study.summary import StudySummary

_SOURCES: Mapping[str, str] = {
    "student": "Student. The probable error of a mean. Biometrika 6 (1908).",
    "satterthwaite": "F. E. Satterthwaite. An approximate distribution of estimates of variance components. Biometrics "
    "Bulletin 2 (1946).",
    "bootstrap": "B. Efron. Bootstrap methods: another look at the jackknife. Annals of Statistics 7 (1979).",
    "folds": "C. Nadeau and Y. Bengio. Inference for the generalization error. Machine Learning 52 (2003).",
    "holm": "S. Holm. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6 "
    "(1979).",
    "torch": "A. Paszke et al. PyTorch: an imperative style, high-performance deep learning library. NeurIPS (2019).",
}
_PACKAGES = ("tlbench", "torch", "torchvision", "ultralytics", "segmentation-models-pytorch", "timm", "lightning")


class Methods:
    """The paragraph.

    Attributes:
        text: Plain, with numbers of sources in brackets.
        sources: In the order of these numbers, from 1.
        latex: The same for LaTeX, with the sources as `thebibliography`.
    """

    def __init__(self, summary: StudySummary, records: Sequence[Record]) -> None:
        """Of a study with at least one complete run."""
        self._cited: list[str] = []
        self.text = " ".join(self._sentences(summary, records))
        self.sources = [_SOURCES[key] for key in self._cited]
        self.latex = self._latex()

    def _cite(self, key: str) -> str:
        if key not in self._cited:
            self._cited.append(key)
        return f"[{self._cited.index(key) + 1}]"

    def _sentences(self, summary: StudySummary, records: Sequence[Record]) -> Iterable[str]:
        first, known = records[0], _Settings(records, summary.factors)
        parameters = f" ({first.model.parameters / 1e6:.1f} M parameters)" if first.model else ""
        trained = f"We trained {known('model.name')}{parameters} on {_data(records)}"
        arms = [arm.name for arm in summary.arms if arm.n_complete]
        apart = f", in {len(arms)} arms that differ in {' and '.join(summary.factors)} ({', '.join(arms)})"
        yield f"{trained}{apart if len(arms) > 1 else ''}."
        epochs = known("trainer.max_epochs")
        early = any(len(run.curves) < run.config["trainer"]["max_epochs"] for run in records if run.curves)
        yield (
            f"Each run took {'at most ' * early}{epochs} epochs with {known('optimizer.name')} at a learning rate of "
            f"{known('optimizer.lr')} and batches of {known('data.batch_size')}, with the strategy "
            f"{known('strategy.name')}; {'each arm was' if len(arms) > 1 else 'it was'} run with {_seeds(summary)}."
        )
        if first.config.get("tune"):
            trials = first.config["tuning"]["trials"]
            yield f"Of each arm {' and '.join(first.config['tune'])} had been chosen on validation in {trials} trials."
        if first.best is not None and summary.primary.startswith("test/"):
            yield f"The weights of the epoch with the best {first.best.monitor} were tested once."
        yield from self._statistics(summary, records)
        versions = [f"{name} {first.versions[name]}" for name in _PACKAGES if name in first.versions]
        yield f"Software: {', '.join(versions)} {self._cite('torch')}."

    def _statistics(self, summary: StudySummary, records: Sequence[Record]) -> Iterable[str]:
        family = [d for d in summary.differences if d.metric == summary.primary and d.paired.low is not None]
        if not family:
            return
        confidence = f"{100 * family[0].paired.confidence:g}%"
        if _folds(records, summary.primary.partition("/")[0]):
            how = f"the corrected t for runs whose training images overlap {self._cite('folds')}"
        else:
            how = f"Student's t over the seeds {self._cite('student')}"
        if any(IMAGES in d.paired.covers and d.paired.images is not None for d in family):
            how += (
                ", or, where that is wider, an interval that counts the test images in, by crossed random effects with "
                f"Satterthwaite's degrees of freedom {self._cite('satterthwaite')} for means over images and by the "
                f"bootstrap over images {self._cite('bootstrap')} for other metrics"
            )
        yield (
            f"Arms are compared by {summary.primary}, paired by seed, with {confidence} intervals "
            f"{all_cover([d.paired for d in family])}: {how}."
        )
        if len(family) > 1:
            yield f"P-values are adjusted for {len(family)} comparisons {self._cite('holm')}."
        margin = family[0].paired.margin
        if margin is not None:
            yield f"Arms count as equivalent where two one-sided tests reject a difference of {margin:g} or more."

    def _latex(self) -> str:
        text = tex(self.text)
        for number, key in enumerate(self._cited, start=1):
            text = text.replace(f" [{number}]", rf"~\cite{{{key}}}")
        items = [rf"\bibitem{{{key}}} {tex(_SOURCES[key])}" for key in self._cited]
        return "\n".join([text, "", r"\begin{thebibliography}{9}", *items, r"\end{thebibliography}", ""])


class _Settings:
    """What runs have at a key, as a text."""

    def __init__(self, records: Sequence[Record], factors: Sequence[str]) -> None:
        self._records, self._factors = records, factors

    def __call__(self, key: str) -> str:
        found = list(dict.fromkeys(str(_at(record.config, key)) for record in self._records))
        if len(found) == 1:
            return found[0]
        listed = ", ".join(found) if len(found) <= 6 else f"{len(found)} values"
        return f"{listed} (by arm)" if covered(key, self._factors) else listed


def _at(config: Mapping[str, Any], key: str) -> Any:
    found: Any = config
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _data(records: Sequence[Record]) -> str:
    """The data set with its numbers of images; of a split that arms or seeds have in several sizes all of them."""
    known = [record.data for record in records if record.data is not None]
    if not known:
        return str(records[0].config["data"]["name"])
    parts = []
    for split, what in {"train": "training", "val": "validation", "test": "test"}.items():
        counts = sorted({(each.split_rule.get("counts") or {}).get(split) or 0 for each in known} - {0})
        if counts:
            listed = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
            parts.append(f"{listed} {what}")
    images = f"{', '.join(parts[:-1])} and {parts[-1]} images" if len(parts) > 1 else "its images"
    classes = len(known[0].class_names)
    return f"{known[0].name} ({images}, {classes} class{'es' * (classes != 1)})"


def _folds(records: Sequence[Record], split: str) -> bool:
    """Whether each run was tested, or validated, on a fold of its own."""
    rules = [record.data.split_rule for record in records if record.data]
    several = len({rule.get("split_seed") for rule in rules}) > 1
    return several and all(rule.get("fold") == split for rule in rules)


def _seeds(summary: StudySummary) -> str:
    found = {arm.seeds for arm in summary.arms if arm.seeds}
    if len(found) > 1:
        few, many = min(map(len, found)), max(map(len, found))
        return f"{few} seeds" if few == many else f"{few} to {many} seeds"
    seeds = found.pop()
    return f"the seed{'s' * (len(seeds) != 1)} {', '.join(map(str, seeds))}"
