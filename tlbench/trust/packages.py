"""The distribution that a module was installed with, and the files of a package that was not."""

from __future__ import annotations

import functools
import hashlib
import importlib
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from tlbench.system.regular_file import read_regular
from tlbench.trust.foreign import is_foreign


def distribution_of(module: str, name: str | None = None) -> tuple[str, str] | None:
    """The distribution that installed a module, and its version; None: none did.

    Args:
        module: Its dotted name.
        name: Of the distribution, where it is known.
    """
    names = [name] if name else _installed(tuple(sys.path)).get(module.partition(".")[0], [])
    for each in names:
        try:
            return each, version(each)
        except PackageNotFoundError:
            continue
    return None


@functools.cache
def _installed(_path: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Outermost module → its distributions; to read all of them takes half a second."""
    return packages_distributions()


def package_files(module: str) -> dict[str, str]:
    """Module → SHA-256 (hex) of each Python file in a module's outermost package; none where that is installed.

    Args:
        module: Its dotted name; the package is imported.
    """
    outermost = importlib.import_module(module.partition(".")[0])
    folders = [Path(folder) for folder in getattr(outermost, "__path__", ())]
    file = getattr(outermost, "__file__", None)
    found = {} if folders or file is None else {outermost.__name__: Path(file)}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((outermost.__name__, *(part for part in parts if part != "__init__")))
            found.setdefault(name, path)
    foreign = {name: path for name, path in sorted(found.items()) if is_foreign(path)}
    return {name: hashlib.sha256(read_regular(path)).hexdigest() for name, path in foreign.items()}
