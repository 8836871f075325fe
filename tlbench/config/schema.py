"""What all parts of the schema are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Channel = Annotated[list[float], Field(min_length=3, max_length=3)]


def _number_as_name(value: Any) -> Any:
    """YAML makes a number of a class that is called 0; other forms (`1.0`, `true`) may have been written otherwise."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ClassName = Annotated[str, BeforeValidator(_number_as_name)]
FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Schema(BaseModel):
    """Unknown keys are refused and nothing is converted silently (an int is accepted for a float)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
