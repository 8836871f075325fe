"""Heights and widths of images: one number where they are equal, `[height, width]` where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

Size = tuple[int, int]
"""Height and width, pixels."""

ImageSize = int | list[int]
"""A size as configurations and records have it: one number of a square, so that what was square stays what it was."""


def size_of(given: int | Sequence[int]) -> Size:
    """Height and width of a size as it is written."""
    height, width = (given, given) if isinstance(given, int) else given
    return height, width


def is_square(size: Size) -> bool:
    """Whether height and width are equal."""
    return size[0] == size[1]


def as_written(size: Size) -> ImageSize:
    """A size as configurations, records and fingerprints have it."""
    return size[0] if is_square(size) else list(size)


def size_text(size: Size) -> str:
    """As on a command line: `224`, or `[192,256]`."""
    return str(as_written(size)).replace(" ", "")


@dataclass(frozen=True)
class Sides:
    """What an `ImageSize` may be, in a schema: `Annotated[ImageSize, Sides(ge=8)]`; `[224, 224]` is taken as 224.

    Args:
        ge: Least height and width, pixels.
        le: Largest; None: any.
        multiple_of: What both are multiples of.
    """

    ge: int
    le: int | None = None
    multiple_of: int | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        side = core_schema.int_schema(ge=self.ge, le=self.le, multiple_of=self.multiple_of, strict=True)
        return core_schema.no_info_wrap_validator_function(
            _checked, side, serialization=core_schema.plain_serializer_function_ser_schema(lambda size: size)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        side = handler(schema)
        sides = [{**side, "title": name} for name in ("height", "width")]
        return {"anyOf": [side, {"type": "array", "prefixItems": sides}]}


def _checked(given: Any, side: core_schema.ValidatorFunctionWrapHandler) -> ImageSize:
    if not isinstance(given, Sequence) or isinstance(given, str):
        number: int = side(given)
        return number
    if len(given) != 2:
        raise ValueError("give one number of a square, or [height, width]")
    return as_written((side(given[0]), side(given[1])))
