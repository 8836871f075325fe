"""What is known about one file of weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tlbench.config import Normalisation, Schema

Text = Annotated[str, Field(min_length=1)]


class Package(Schema):
    """An installable package that holds a file of weights."""

    distribution: Text = Field(description="its name at the registry")
    extra: Text = Field(description="the extra of tlbench that installs it")
    path: Text = Field(description="the file, relative to the folder into which packages are installed")


class CatalogEntry(Schema):
    """What is known about one file of weights; the fields are explained in `catalog.yaml`."""

    source: Text
    model: Text
    title: Text
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    url: Annotated[str, Field(pattern=r"^https?://")] | None
    package: Package | None = None
    names: Literal["own", "by_position"] = "own"
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    licence: Text
    normalisation: Normalisation
    input_size: Annotated[int, Field(ge=1)]
    heads: Annotated[list[Text], Field(min_length=1)]
    classes: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(ge=0, le=100)] | None
    score_of: Text
