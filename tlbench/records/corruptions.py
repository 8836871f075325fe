"""What a suite of corruptions gave; read without torch."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.config.size import ImageSize, is_square, size_of
from tlbench.records.record import Section

Value = float | None
"""A metric; None where it is undefined."""


class CorruptionResult(Section):
    """OA and ECE on each corruption at each severity, and their means.

    Attributes:
        suite: `common`.
        version: Of the suite; results of two versions must not be averaged or compared.
        differences: What sets it apart from the published suite, one line.
        names: The corruptions that were run, in order.
        severities: The severities that were run, ascending.
        image_size: Height and width of the network's input, at which the images were corrupted, pixels: one number of a
            square, else both; None where they were not, in version 1.
        seed: What the corruptions were drawn with.
        temperature: What the logits were divided by; it changes ECE and leaves OA.
        clean_oa: OA on the same images as they are.
        clean_ece: ECE likewise.
        oa: Corruption → OA at each severity.
        ece: Corruption → ECE at each severity.
        mean_corrupted_oa: Mean over the corruptions of the mean over the severities.
        relative_oa: mean_corrupted_oa / clean_oa; None where the latter is 0.
        mean_corrupted_ece: As mean_corrupted_oa.
        oa_by_severity: Mean over the corruptions at each severity.
        ece_by_severity: Likewise.
    """

    suite: str
    version: int
    differences: str
    names: list[str]
    severities: list[int]
    image_size: ImageSize | None = None
    seed: int
    temperature: float
    clean_oa: Value
    clean_ece: Value
    oa: dict[str, list[Value]]
    ece: dict[str, list[Value]]
    mean_corrupted_oa: Value
    relative_oa: Value
    mean_corrupted_ece: Value
    oa_by_severity: list[Value]
    ece_by_severity: list[Value]

    def label(self) -> str:
        """What the numbers are of: the suite's version, and on what it acted."""
        if self.version == 1:
            return "corruptions of version 1, on the stored pixels"
        at = ""
        if self.image_size is not None:
            size = size_of(self.image_size)
            at = f", at {size[0] if is_square(size) else f'{size[0]}×{size[1]}'} px"
        return f"corruptions of version {self.version}, on the network's input{at}"

    def metrics(self, split: str) -> dict[str, Value]:
        """The summary, flat, as a record names metrics: `<split>/mean_corrupted_oa`, …"""
        means = {
            "mean_corrupted_oa": self.mean_corrupted_oa,
            "relative_corrupted_oa": self.relative_oa,
            "mean_corrupted_ece": self.mean_corrupted_ece,
        }
        each = {f"corrupted_oa/{name}": mean(values) for name, values in self.oa.items()}
        return {f"{split}/{key}": value for key, value in {**means, **each}.items()}


def mean(values: Sequence[Value]) -> Value:
    """Their mean; None without any, or where one is undefined."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
