"""Which files are neither Python's, nor tlbench's, nor of an installed package: those whose hashes a record keeps."""

from __future__ import annotations

import functools
import os
import site
import sysconfig
from pathlib import Path


def is_foreign(file: Path | str) -> bool:
    """Whether a file lies outside the standard library, the folders of installed packages, and tlbench itself.

    An editable installation's files do: they are the user's to change.
    """
    given = os.path.abspath(file)  # noqa: PTH100 - Path.absolute leaves `..` in
    return not any(_below(path, root) for path in (given, os.path.realpath(given)) for root in _roots())


@functools.cache
def _roots() -> tuple[str, ...]:
    own = Path(__file__).resolve().parents[1]
    found = [str(own), str(own.with_name("hydra_plugins"))]
    paths = sysconfig.get_paths()
    found += [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += site.getsitepackages() if hasattr(site, "getsitepackages") else []
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    return tuple(dict.fromkeys(path for root in found for path in (os.path.abspath(root), os.path.realpath(root))))  # noqa: PTH100


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
