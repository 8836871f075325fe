"""Stand-ins: embedded data or weights used because the wanted ones could not be reached, always named as such."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.config import StandIn, TrainConfig
from tlbench.data.open import ensure_reachable
from tlbench.errors import DataError, WeightsError
from tlbench.sources.catalog import catalog
from tlbench.sources.resolve import find_weights
from tlbench.tasks.registry import spec_of

_WISHES = "fraction, data.shots and data.classes"
"""What is taken back where data stand in."""

SUFFIX = "-standin"


def find_stand_ins(config: TrainConfig) -> list[StandIn]:
    """See to it that data and weights are here (downloading them if need be), or name what stands in for them.

    Raises:
        DataError, WeightsError: With `on_missing=error`, or if what is there is broken.
    """
    return [s for s in (data_stand_in(config), source_stand_in(config)) if s is not None]


def data_stand_in(config: TrainConfig) -> StandIn | None:
    """As `find_stand_ins`, for the data alone."""
    try:
        ensure_reachable(config.data)
    except DataError as error:
        if config.on_missing == "error" or not error.unreachable:
            raise
        return StandIn(kind="data", wanted=config.data.name, used=spec_of(config).stand_ins.data, reason=str(error))
    return None


def source_stand_in(config: TrainConfig) -> StandIn | None:
    """As `find_stand_ins`, for the source's weights alone; for some models nothing can stand in."""
    embedded = spec_of(config).stand_ins.source
    try:
        find_weights(config.source, config.model)
    except WeightsError as error:
        fits = embedded != config.source.name and (embedded, config.model.name) in catalog()
        if config.on_missing == "error" or not error.unreachable or not fits:
            raise
        return StandIn(kind="source", wanted=config.source.name, used=embedded, reason=str(error))
    return None


def stand_in_overrides(config: TrainConfig, stand_ins: Sequence[StandIn]) -> dict[str, str]:
    """The Hydra overrides (key → value) that make a run use its stand-ins, in the study `<study>-standin`."""
    changed = {"study": config.study if config.study.endswith(SUFFIX) else config.study + SUFFIX}
    for stand_in in stand_ins:
        if stand_in.kind == "data":
            changed |= {"data": stand_in.used, "data.fraction": "1.0", "data.root": "null", "data.classes": "null"}
            changed |= spec_of(config).data[stand_in.used].as_stand_in
        else:
            changed |= {"source": stand_in.used, "source.tag": "null", "source.entry": "null", "source.prefix": "null"}
    listed = ",".join(
        f"{{kind:{s.kind},wanted:{s.wanted},used:{s.used},reason:{_quoted(s.reason)}}}" for s in stand_ins
    )
    return changed | {"stand_ins": f"[{listed}]"}


def replace_overrides(overrides: Sequence[str], changed: dict[str, str]) -> list[str]:
    """The overrides with those of the given keys replaced."""
    kept = [o for o in overrides if o.partition("=")[0].lstrip("+~") not in changed]
    return kept + [f"{key}={value}" for key, value in changed.items()]


def banner_text(stand_ins: Sequence[StandIn]) -> str:
    """What a user must not overlook."""
    lines = [f"{s.kind} {s.used!r} stands in for {s.wanted!r}: {s.reason}" for s in stand_ins]
    lines += [f"{s.used} are used whole, whatever data.{_WISHES} say" for s in stand_ins if s.kind == "data"]
    return "\n".join(["STAND-INS: these are not the results of what was asked for.", *lines])


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "/").replace("'", '"').replace("${", "$ {") + "'"
