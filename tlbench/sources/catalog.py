"""The catalog of weights as data (`catalog.yaml`), read by a strict schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from omegaconf import OmegaConf
from pydantic import TypeAdapter

from tlbench.config import ModelConfig, Normalisation
from tlbench.errors import WeightsError
from tlbench.networks.layer_groups import as_classifier
from tlbench.sources.catalog_entry import CatalogEntry


@cache
def catalog() -> dict[tuple[str, str], CatalogEntry]:
    """All entries by (source, model)."""
    raw = OmegaConf.to_container(OmegaConf.load(Path(__file__).with_name("catalog.yaml")))
    entries = TypeAdapter(list[CatalogEntry]).validate_python(raw)
    return {(entry.source, entry.model): entry for entry in entries}


def find_entry(source: str, model: ModelConfig, tag: str | None = None) -> CatalogEntry:
    """The entry of a source for a model.

    Args:
        source: Its name.
        model: What it is wanted for.
        tag: Which of torchvision's weights, for source=imagenet; None: the catalog's.

    Raises:
        WeightsError: If the catalog has none; names the models the source has.
        ConfigError: If torchvision has no weights of that name.
    """
    library, name = as_classifier(model.library, model.name)
    entry = catalog().get((source, name))
    if source == "imagenet" and library == "torchvision" and (entry is None or tag is not None):
        from tlbench.sources.torchvision_published import torchvision_entry  # heavy

        return torchvision_entry(name, tag)
    if entry is None:
        models = ", ".join(m for s, m in catalog() if s == source) or "no model"
        models += " and torchvision's other classifiers" if source == "imagenet" else ""
        other = "source=timm or source=random" if library == "timm" else "source=random"
        other = "source=imagenet or source=random" if library == "torchvision" else other
        raise WeightsError(
            f"source={source}: no weights for model.name={model.name}, only for {models}; use one of these, or {other}"
        )
    return entry


def recommendation_mismatch(whose: str, recommended: Normalisation, normalisation: Normalisation) -> str | None:
    """A warning where the experiment normalises otherwise than the source's weights were trained with, else None.

    Args:
        whose: What was trained so, such as `source=imagenet`.
        recommended: What it was trained with.
        normalisation: The experiment's.
    """
    if recommended == normalisation:
        return None
    return (
        f"data.normalisation: mean {normalisation.mean} std {normalisation.std} is not what {whose} was "
        f"trained with (mean {recommended.mean} std {recommended.std}); its weights may transfer worse"
    )
