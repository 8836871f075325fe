"""The keys of drawn documents, which data of several kinds of annotations have."""

from __future__ import annotations

from typing import Protocol

DOCUMENTS = "documents"


class DrawnKeys(Protocol):
    """What of data is looked at here; see `DataConfig`."""

    @property
    def name(self) -> str:
        """Of the data."""

    @property
    def label_space(self) -> str | None:
        """Of drawn documents alone."""

    @property
    def pages(self) -> int | None:
        """Likewise."""

    @property
    def cache(self) -> str:
        """Where images are kept."""

    @property
    def val_fraction(self) -> float:
        """What is carved out for val."""

    @property
    def test_fraction(self) -> float | None:
        """Likewise for test."""

    @property
    def folds(self) -> int | None:
        """Of cross-validation, of which one may be test."""


def drawn_problems(data: DrawnKeys) -> list[str]:
    """What contradicts that data are drawn, or that they are not, one line each."""
    drawn, problems = data.name == DOCUMENTS, []
    if not drawn and data.label_space is not None and data.pages is not None:
        return [f"data.name={data.name!r}: an option has keys of its own; choose it as data={data.name}"]
    for key, value, example in (("label_space", data.label_space, "target"), ("pages", data.pages, 300)):
        if drawn != (value is not None):
            what = f"documents are drawn; give one, such as {example}" if drawn else "only documents have it; use null"
            problems.append(f"data.{key}={'null' if value is None else value}: {what}")
    if drawn and data.cache == "none":
        problems.append("data.cache=none: documents are drawn, there are no files to decode; use memory")
    return problems


def carving_problems(data: DrawnKeys, *, always_carved: bool) -> list[str]:
    """What contradicts itself in what is carved out, one line each.

    Args:
        data: The data.
        always_carved: Whether test is carved out of these whatever they come with.
    """
    problems = []
    if always_carved and data.test_fraction is None and data.folds is None:
        problems.append("data.test_fraction=null: test is carved out here; give a fraction in (0, 1)")
    if data.test_fraction is not None and data.test_fraction + data.val_fraction >= 1:
        problems.append(
            f"data.val_fraction={data.val_fraction:g} and data.test_fraction={data.test_fraction:g}: nothing is left "
            "to train on; their sum must be below 1"
        )
    return problems
