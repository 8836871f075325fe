"""A paragraph on methods, for a paper: what was done, by the records, and the sources of the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlbench.records.record import Record
from tlbench.reporting.tables import tex
from tlbench.study.collect import covered
from tlbench.study.differences import IMAGES
from tlbench.study.sentences import covered as covers
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
        names = " and ".join(summary.factors)
        parameters = f" ({first.model.parameters / 1e6:.1f} M parameters)" if first.model else ""
        yield (
            f"We trained {known('model.name')}{parameters} on {_data(first)}, in {len(summary.arms)} arms that differ "
            f"in {names} ({', '.join(arm.name for arm in summary.arms)}) and in nothing else."
        )
        yield (
            f"Each run took {known('trainer.max_epochs')} epochs with {known('optimizer.name')} at a learning rate of "
            f"{known('optimizer.lr')} and batches of {known('data.batch_size')}, with the strategy "
            f"{known('strategy.name')}; each arm was run with {_seeds(summary)}."
        )
        if first.best is not None and summary.primary.startswith("test/"):
            yield f"The weights of the epoch with the best {first.best.monitor} were tested once."
        yield from self._statistics(summary)
        versions = [f"{name} {first.versions[name]}" for name in _PACKAGES if name in first.versions]
        yield f"Software: {', '.join(versions)} {self._cite('torch')}."

    def _statistics(self, summary: StudySummary) -> Iterable[str]:
        family = [d for d in summary.differences if d.metric == summary.primary and d.paired.low is not None]
        if not family:
            return
        paired = family[0].paired
        yield (
            f"Arms are compared by {summary.primary}, paired by seed, with {100 * paired.confidence:g}% intervals over "
            f"{covers(paired)}: Student's t over the seeds {self._cite('student')}"
            + (
                ", or, where that is wider, an interval that counts the test images in, by crossed random effects with "
                f"Satterthwaite's degrees of freedom {self._cite('satterthwaite')} for means over images and by the "
                f"bootstrap over images {self._cite('bootstrap')} for other metrics."
                if IMAGES in paired.covers and paired.images is not None
                else "."
            )
        )
        if len(family) > 1:
            yield f"P-values are adjusted for {len(family)} comparisons {self._cite('holm')}."

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


def _data(record: Record) -> str:
    if record.data is None:
        return str(record.config["data"]["name"])
    counts = record.data.split_rule.get("counts") or {}
    named = {"train": "training", "val": "validation", "test": "test"}
    parts = [f"{counts[split]:,} {what}" for split, what in named.items() if counts.get(split)]
    images = f"{', '.join(parts[:-1])} and {parts[-1]} images" if len(parts) > 1 else "its images"
    classes = len(record.data.class_names)
    return f"{record.data.name} ({images}, {classes} class{'es' * (classes != 1)})"


def _seeds(summary: StudySummary) -> str:
    found = {arm.seeds for arm in summary.arms}
    if len(found) > 1:
        return f"{min(map(len, found))} to {max(map(len, found))} seeds"
    seeds = found.pop()
    return f"the seed{'s' * (len(seeds) != 1)} {', '.join(map(str, seeds))}"
