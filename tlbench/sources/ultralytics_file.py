"""What a network that ultralytics pickled says of itself; nothing of it is built, and ultralytics is not needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tlbench.sources.entries import is_module
from tlbench.sources.inert import Inert

ENTRIES = ("ema", "model")
"""Where a file of ultralytics has its network; the averaged one, which ultralytics validates and saves, comes first."""

_NETWORKS = "ultralytics.nn.tasks."
_MOST_MODULES = 1000  # looked at; the network is among the first
_WORD = re.compile(r"[\w.+-]{1,60}")


@dataclass(frozen=True)
class NetworkFile:
    """What a pickled network says of itself.

    Attributes:
        entry: Where in the file it is; None: it is the file.
        kind: Its class, such as `DetectionModel`.
        title: What it is called, such as `yolo11n-seg`; None where it does not say.
        classes: How many it has.
        activation: What its description has in the place of SiLU.
    """

    entry: str | None
    kind: str
    title: str | None = None
    classes: int | None = None
    activation: str | None = None

    def shown(self) -> str:
        """In a few words, for messages."""
        classes = "" if self.classes is None else f" of {self.classes} class{'' if self.classes == 1 else 'es'}"
        return f"{self.title or 'a network without a name'} ({self.kind}){classes}"


def network_in(content: Any) -> NetworkFile | None:
    """What the network in a file says of itself; None where there is none of ultralytics.

    Args:
        content: Of the file, as `read_weights` gives it.
    """
    found, entry = content, None
    if isinstance(content, Mapping):
        entry = next((key for key in ENTRIES if is_module(content.get(key))), None)
        found = content.get(entry)
    if not isinstance(found, Inert) or not is_module(found):
        return None
    modules = list(_modules(found))
    network = next((m for m in modules if m.name.startswith(_NETWORKS)), None)
    network = network or next((m for m in modules if isinstance(m.state.get("yaml"), Mapping)), None)
    if network is None:
        return None
    given = network.state.get("yaml")
    yaml: Mapping[Any, Any] = given if isinstance(given, Mapping) else {}
    classes, activation = yaml.get("nc"), yaml.get("activation")
    kind = network.name.removeprefix(_NETWORKS)
    return NetworkFile(
        entry=entry,
        kind=kind if _WORD.fullmatch(kind) else "a class of its own",
        title=_title(yaml),
        classes=classes if isinstance(classes, int) and 0 < classes < 1_000_000 else None,
        activation=activation if isinstance(activation, str) else None,
    )


def _modules(module: Inert) -> Iterator[Inert]:
    """A module and those in it, the outer ones first."""
    waiting, count = [module], 0
    while waiting and count < _MOST_MODULES:
        one = waiting.pop(0)
        count += 1
        yield one
        inner = one.state["_modules"].values()
        waiting += [m for m in inner if isinstance(m, Inert) and is_module(m)][:_MOST_MODULES]


def _title(yaml: Mapping[Any, Any]) -> str | None:
    """As ultralytics calls its files: family, scale and task, such as `yolo11n-seg`."""
    stem = PurePosixPath(str(yaml.get("yaml_file") or "").replace("\\", "/")).stem
    scale = yaml.get("scale")
    unscaled = re.fullmatch(r"(yolo(?:e-)?v?\d+)(-.*)?", stem)
    if unscaled and isinstance(scale, str):
        stem = f"{unscaled[1]}{scale}{unscaled[2] or ''}"
    return stem if _WORD.fullmatch(stem) else None
