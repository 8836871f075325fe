"""Whether the files of code that ran are still those that would be imported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tlbench.system.regular_file import read_regular
from tlbench.trust.foreign import is_foreign
from tlbench.trust.locate import locate


def changed_file(files: Mapping[str, str], modules: Iterable[str] = ()) -> Path | None:
    """The first module's file that can be found and is another one than the one that ran; nothing is imported.

    Args:
        files: Module → SHA-256 (hex) of the file that ran.
        modules: Further ones that would be imported, which had no file outside of the installed packages.
    """
    for module in dict.fromkeys([*files, *modules]):
        file = locate(module)
        if file is None or (module not in files and not is_foreign(file)):
            continue  # torch.hub, say, loads files under names that lead nowhere; the guard of imports will see them
        try:
            same = hashlib.sha256(read_regular(file)).hexdigest() == files.get(module)
        except OSError:
            same = False
        if not same:
            return file
    return None
