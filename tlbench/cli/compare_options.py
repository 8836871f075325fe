"""The options of `python -m tlbench.compare`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from tlbench.errors import ConfigError
from tlbench.tools.options import Options, parse_options

USAGE = """\
tlbench.compare pairs existing runs by their seeds and reports the difference, with its interval from two seeds on.

  python -m tlbench.compare outputs/cifar/tin200 outputs/cifar/random
  python -m tlbench.compare outputs/cifar/tin200 outputs/cifar/random output=tin200_random
  python -m tlbench.compare outputs/a/tin200 outputs/b/tin200 metric=test/kappa output=a_b.json
  python -m tlbench.compare 'outputs/a/tin200/seed_[0-2]' outputs/b/tin200 factors=[optimizer.lr]

Each side is the folder of an arm, of one run, or a quoted pattern of such folders. The difference is first − second.
output=FOLDER gets report.html, results.csv, table.md and table.tex, as a study has them, and all numbers as
comparison.json; output=FILE.json gets the numbers alone."""


def _listed(text: object) -> object:
    return [part.strip() for part in text.strip("[]").split(",")] if isinstance(text, str) else text


class CompareOptions(Options):
    """How to compare."""

    factors: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)] | None = Field(
        None,
        description="[source,data.shots]: the only keys in which the sides may differ; null: any, and they are named",
    )
    metric: str | None = Field(None, description="what is compared first; null: the task's own, such as test/oa")
    margin: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="0.01: differences of that metric up to it do not matter, in its own unit; null: the runs' own "
        "statistics.margin, where all have the same and metric is null",
    )
    output: str | None = Field(
        None, description="folder for the report, tables and all numbers; a name that ends in .json: the numbers alone"
    )


def parse_command(kind: type[CompareOptions], arguments: Sequence[str]) -> tuple[str, str, CompareOptions]:
    """The two sides and the options of a command line.

    Raises:
        ConfigError: There are not two sides, or an option is not allowed.
    """
    options = [a for a in arguments if re.match(r"-|\w+=", a) and not Path(a).exists()]
    sides = [a for a in arguments if a not in options]
    parsed = parse_options(kind, options)
    if len(sides) != 2:
        raise ConfigError(
            f"two sides are needed, {len(sides)} given ({', '.join(sides) or 'none'}): each is the folder of an arm or "
            "run, or a quoted pattern of such; options are factors=[…], metric=…, margin=…, output=…"
        )
    return sides[0], sides[1], parsed
