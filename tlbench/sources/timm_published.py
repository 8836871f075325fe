"""What timm says of the weights it publishes for its networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm

from tlbench.config import Normalisation
from tlbench.errors import ConfigError, WeightsError
from tlbench.sources.found import FoundWeights, verified
from tlbench.system.hashing import sha256_in_name

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What a repository of weights at Hugging Face holds, the safe format first."""


@dataclass(frozen=True)
class Published:
    """Weights that timm publishes.

    Args:
        model: The network.
        tag: Which of its weights; None if they have no name.
        repository: Where they lie at Hugging Face; None: not there.
        revision: Which version there; None: the newest.
        hub_files: The names of the file there, the first preferred.
        url: Where else they lie; None: nowhere.
        licence: As timm states it.
        normalisation: What they were trained with; None where that is not of three colours.
        heads: Prefixes of the classifier's tensors.
    """

    model: str
    tag: str | None
    repository: str | None
    revision: str | None
    hub_files: tuple[str, ...]
    url: str | None
    licence: str | None
    normalisation: Normalisation | None
    heads: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name by which timm knows them, `<model>.<tag>`."""
        return f"{self.model}.{self.tag}" if self.tag else self.model

    @property
    def files(self) -> list[str]:
        """Under which names the file may lie in a folder of the user's."""
        return [f"{self.title}.safetensors", *([self.url.rpartition("/")[2]] if self.url else [])]

    def found(self, path: Path, place: str) -> FoundWeights:
        """A file of these weights, and what is known about it.

        Raises:
            WeightsError: If its name holds digits of a hash, by torch.hub's convention, and the file has another.
        """
        digits = sha256_in_name(path.name)
        if digits and place != "source.path":
            verified(path, digits, f"source=timm for model={self.title}")
        return FoundWeights(
            source="timm",
            model=self.model,
            path=path,
            found=place,
            title=self.title,
            licence=self.licence,
            normalisation=self.normalisation,
            heads=self.heads,
            names="timm",
        )


def published(model: str, tag: str | None) -> Published:
    """The weights of a network of timm.

    Args:
        model: A name of `timm.list_models()`.
        tag: Which of its weights; None: timm's default.

    Raises:
        ConfigError: If timm knows no such network or no such tag of it; names the tags there are.
        WeightsError: If timm publishes none.
    """
    if not timm.is_model(model):
        raise ConfigError(f"model.name={model!r}: timm {timm.__version__} has no such network")
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{model}.*")]
    if tag is not None and tag not in tags:
        allowed = f"use {', '.join(tags)}, or null for timm's default" if tags else "it has none; use source=random"
        raise ConfigError(f"source.tag={tag!r}: timm {timm.__version__} has no such weights of {model}; {allowed}")
    cfg: Any = timm.get_pretrained_cfg(f"{model}.{tag}" if tag else model)
    repository, _, revision = ((cfg and cfg.hf_hub_id) or "").partition("@")
    url = cfg.url if cfg and isinstance(cfg.url, str) and not cfg.url.endswith(".npz") else None  # .npz: not of torch
    if not repository and not url:
        raise WeightsError(
            f"source=timm: timm {timm.__version__} publishes no weights of model.name={model}; use source=random, or "
            "source=checkpoint source.path=FILE"
        )
    heads = cfg.classifier if isinstance(cfg.classifier, tuple | list) else (cfg.classifier,)
    in_colour = len(cfg.mean) == len(cfg.std) == 3
    return Published(
        model=model,
        tag=cfg.tag or None,
        repository=repository or None,
        revision=revision or None,
        hub_files=(cfg.hf_hub_filename,) if cfg.hf_hub_filename else HUB_FILES,
        url=url or None,
        licence=cfg.license,
        normalisation=Normalisation(mean=list(cfg.mean), std=list(cfg.std)) if in_colour else None,
        heads=tuple(head for head in heads if head),
    )
