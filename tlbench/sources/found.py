"""A file of weights that was found, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlbench.config import Normalisation
from tlbench.errors import WeightsError
from tlbench.sources.chain import RunLink, WeightsLink
from tlbench.system.hashing import file_sha256

Names = Literal["own", "by_position", "timm"]
"""How a file names its tensors: as the network does (perhaps under a prefix), otherwise but in the network's order, or
in any way that timm can read for its networks."""


@dataclass(frozen=True)
class FoundWeights:
    """A file of weights and what is known about it.

    Args:
        source: The source's name.
        model: The model it is wanted for.
        path: The file.
        found: How it was found: `source.path`, `TLBENCH_WEIGHTS`, `torch hub cache`, `package`, `download`; for weights
            of timm also `Hugging Face cache`, for those of YOLO11 `working folder` and `ultralytics' weights`.
        title: What the weights are called; for a run `<study>/<arm>/seed_<n>`.
        licence: As the publisher states it.
        normalisation: What they were trained with.
        heads: Prefixes of the classifier's tensors, under the network's names; beside what is new in the
            network's own.
        names: How the file names its tensors.
        entry: Of several mappings in the file, the one that the user means; None: whatever fits.
        prefix: What the user says stands before the network's names in it; None: whatever does.
        sha256: Of a run's checkpoint, as its record says; None where it does not.
        earlier: What a run's checkpoint went through before, oldest first, without the run itself.
        run: The run whose checkpoint this is.
    """

    source: str
    model: str
    path: Path
    found: str
    title: str | None = None
    licence: str | None = None
    normalisation: Normalisation | None = None
    heads: tuple[str, ...] = ()
    names: Names = "own"
    entry: str | None = None
    prefix: str | None = None
    sha256: str | None = None
    earlier: tuple[WeightsLink | RunLink, ...] = ()
    run: RunLink | None = None


def verified(path: Path, sha256: str, whose: str) -> Path:
    """The path, if the file has the hash.

    Args:
        path: The file.
        sha256: The expected SHA-256 in hex, or its first digits.
        whose: What the file should be, for the message.

    Raises:
        WeightsError: If it cannot be read or has another hash.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); mend its permissions or remove it") from None
    if not found.startswith(sha256):
        raise WeightsError(
            f"{path}: not the weights of {whose}: sha256 expected {sha256}, found {found}; remove the file, or give it "
            "as source.path to use it as it is"
        )
    return path
