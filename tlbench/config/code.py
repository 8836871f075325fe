"""Code of the user's own that a configuration names by import path."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from tlbench.config.schema import FOLDER_NAME, Schema

IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def _none_is_empty(arguments: Any) -> Any:
    return {} if arguments is None else arguments


Arguments = Annotated[dict[str, Any], BeforeValidator(_none_is_empty)]
"""Keyword arguments; null: none."""


class CodeConfig(Schema):
    """What `import_path` names is called with `arguments`, and gives the thing itself."""

    import_path: str = Field(description="package.module:Name of a class or function")
    arguments: Arguments = Field(default_factory=dict, description="keyword arguments that it is called with")

    @field_validator("import_path")
    @classmethod
    def _is_an_import_path(cls, path: str) -> str:
        if not IMPORT_PATH.fullmatch(path):
            raise ValueError("write package.module:Name, such as my_code:Thing for Thing in my_code.py")
        return path


OwnName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""What the user calls a thing of their own."""


class MetricConfig(CodeConfig):
    """A metric of the user's own: a `torchmetrics.Metric` with `update(found, targets)`, as the task's own get them."""

    better: Literal["min", "max"] = Field(default="max", description="its better direction, where it is monitored")


class LossConfig(Schema):
    """What training minimises, and validation and test report as `loss`."""

    name: Annotated[str, Field(pattern=f"^{FOLDER_NAME}$")] = Field(
        description="task: the task's own; another name is that of one of your own, and names arms"
    )
    import_path: str | None = Field(
        description="package.module:Name of what gives the loss, called with outputs and targets; null: the task's"
    )
    arguments: Arguments = Field(description="keyword arguments that it is called with")
