"""Which file an import path leads to, found without importing anything."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path

from tlbench.system.search_path import as_added

_EDITABLE = "__editable__"
"""How setuptools begins the names of modules that find what was installed with `pip install -e`."""


def locate(module: str) -> Path | None:
    """The file that importing a module would run (of a package its `__init__.py`), were the working folder searched.

    A module that is imported already is where it came from. `importlib.util.find_spec` would import the parents of a
    dotted name, and so run code.

    Args:
        module: Its dotted name.

    Returns:
        None where there is no such module, it has no file (built in, a namespace), or only its parent's code, which is
        not run, can tell.
    """
    file = origin(module)
    return None if file is None or not Path(file).is_absolute() else Path(file)


def origin(module: str) -> str | None:
    """As `locate`, but what has no file is said: `built in`, or `folder …, …` of a namespace."""
    importlib.invalidate_caches()
    places: Sequence[str] | None = None
    found: str | None = None
    parts = module.split(".")
    for depth, part in enumerate(parts, start=1):
        loaded = sys.modules.get(".".join(parts[:depth]))
        if loaded is not None:
            spec_or_none = getattr(loaded, "__spec__", None)
            found = getattr(loaded, "__file__", None) or (None if spec_or_none is None else _origin(spec_or_none))
            places = [str(place) for place in getattr(loaded, "__path__", ())]
            continue
        if depth > 1 and not places:
            return None  # the parent is no package
        spec = _top_level(part) if places is None else PathFinder.find_spec(part, places)
        if spec is None:
            return None
        found = _origin(spec)
        places = [str(place) for place in spec.submodule_search_locations or ()]
    return found


def _top_level(name: str) -> ModuleSpec | None:
    """As import would find it; of finders that others installed, only those of editable installations are asked."""
    for finder in (BuiltinImporter, FrozenImporter):
        spec = finder.find_spec(name)
        if spec is not None:
            return spec
    editable = [finder for finder in sys.meta_path if str(getattr(finder, "__module__", "")).startswith(_EDITABLE)]
    for other in (PathFinder(), *editable):
        search = as_added() if isinstance(other, PathFinder) else None
        spec = other.find_spec(name, search)
        if spec is not None:
            return spec
    return None


def _origin(spec: ModuleSpec) -> str | None:
    if spec.origin in ("built-in", "frozen"):
        return getattr(spec.loader_state, "filename", None) or "built in"
    if spec.origin is None and spec.submodule_search_locations is not None:
        return f"folder {', '.join(map(str, spec.submodule_search_locations))}"
    return spec.origin
