"""The catalog of weights as data (`catalog.yaml`), read by a strict schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from omegaconf import OmegaConf
from pydantic import Field, TypeAdapter

from tlbench.config import Normalisation, Schema
from tlbench.errors import WeightsError

Text = Annotated[str, Field(min_length=1)]


class CatalogEntry(Schema):
    """What is known about one file of weights; the fields are explained in `catalog.yaml`."""

    source: Text
    model: Text
    title: Text
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    url: Annotated[str, Field(pattern=r"^https?://")] | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    licence: Text
    normalisation: Normalisation
    input_size: Annotated[int, Field(ge=1)]
    head: Text
    classes: Annotated[int, Field(ge=1)]
    top1: Annotated[float, Field(ge=0, le=100)]
    top1_on: Text


@cache
def catalog() -> dict[tuple[str, str], CatalogEntry]:
    """All entries by (source, model)."""
    raw = OmegaConf.to_container(OmegaConf.load(Path(__file__).with_name("catalog.yaml")))
    entries = TypeAdapter(list[CatalogEntry]).validate_python(raw)
    return {(entry.source, entry.model): entry for entry in entries}


def find_entry(source: str, model: str) -> CatalogEntry:
    """The entry of a source for a model.

    Raises:
        WeightsError: If the catalog has none; names the models the source has.
    """
    entry = catalog().get((source, model))
    if entry is None:
        models = ", ".join(m for s, m in catalog() if s == source) or "no model"
        raise WeightsError(f"source={source}: no weights for model={model}, only for {models}; use source=random")
    return entry


def recommendation_mismatch(entry: CatalogEntry, normalisation: Normalisation) -> str | None:
    """A warning where the experiment normalises otherwise than the source's weights were trained with, else None."""
    recommended = entry.normalisation
    if recommended == normalisation:
        return None
    return (
        f"data.normalisation: mean {normalisation.mean} std {normalisation.std} is not what source={entry.source} was "
        f"trained with (mean {recommended.mean} std {recommended.std}); its weights may transfer worse"
    )
