"""See each module's file before its code runs: to note its hash, or to let only known files run."""

from __future__ import annotations

import hashlib
import sys
import threading
import zipimport
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from tlbench.system.regular_file import read_regular
from tlbench.system.search_path import restored
from tlbench.trust.foreign import is_foreign
from tlbench.trust.names import CodeName

_alone = threading.RLock()
_hashes: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()
"""Imported module → SHA-256 of what was loaded, of all that this process has noted."""


class NotKnown(ImportError):
    """A module's file is not one of those that may run; as an ImportError, since who imports it may do without it."""


@contextmanager
def noting(names: Sequence[CodeName]) -> Iterator[dict[str, str]]:
    """Note the foreign files that are loaded while a run's named code is imported and called.

    The code that runs is compiled from the very bytes that are hashed, never taken from `__pycache__`. Of modules that
    were imported before, those that the named ones refer to (in their globals, and on from there) are added, where
    they lie in the same place on Python's search path.

    Args:
        names: The code that the configuration names; none: nothing is noted.

    Yields:
        Module → SHA-256 in hex; complete once the context is left.
    """
    files: dict[str, str] = {}
    if not names:
        yield files
        return

    def note(module: str, content: bytes, _file: str) -> None:
        files[module] = _noted(module, content)

    with _seen_by(note):
        yield files
    for module in _referred_to(names):
        if module not in files and (known := _hash_of_loaded(module)):
            files[module] = known
    ordered = dict(sorted(files.items()))  # in the order of names, whatever was imported before
    files.clear()
    files.update(ordered)


@contextmanager
def guarding(names: Sequence[CodeName], known: Mapping[str, str]) -> Iterator[list[str]]:
    """Let no foreign file be loaded but those of known hash, while named code is imported and called.

    The working folder, if it is put on Python's search path meanwhile, is taken off again: what is imported later,
    by anybody, would be looked for there without a guard.

    Args:
        names: The code.
        known: Module → SHA-256 in hex.

    Yields:
        Files that were refused; who asked for one gets a `NotKnown`, and may have gone on without it.
    """
    refused: list[str] = []

    def check(module: str, content: bytes, file: str) -> None:
        if known.get(module) != _noted(module, content):
            refused.append(file)
            raise NotKnown(f"{file} is not among the files that the run was made with", name=module, path=file)

    for module in dict.fromkeys([*known, *(name.module for name in names)]):
        file = _foreign_file(module)
        if file is not None and known.get(module) != _hash_of_loaded(module):
            refused.append(file)
    if refused:
        yield refused
        return
    with restored(), _seen_by(check):
        yield refused


@contextmanager
def _seen_by(see: Callable[[str, bytes, str], None]) -> Iterator[None]:
    """Call `see` with module, bytes and name of each foreign file before its code runs, whoever loads it.

    `torch.hub` and other programs of the kind load files without Python's search, but by the same loaders.
    """

    def of_source(loader: SourceFileLoader, module: str) -> CodeType | None:
        path = loader.get_filename(module)
        if not is_foreign(path):
            return source(loader, module)
        content = loader.get_data(path)
        see(module, content, path)
        return loader.source_to_code(content, path)

    def of_bytecode(loader: SourcelessFileLoader, module: str) -> CodeType | None:
        path = loader.get_filename(module)
        if is_foreign(path):
            see(module, loader.get_data(path), path)
        return bytecode(loader, module)

    def of_extension(loader: ExtensionFileLoader, spec: Any) -> ModuleType:
        if is_foreign(loader.path):
            see(spec.name, read_regular(loader.path), str(loader.path))
        return extension(loader, spec)

    def of_archive(loader: zipimport.zipimporter, module: str) -> CodeType:
        if is_foreign(loader.archive):
            see(module, read_regular(loader.archive), loader.archive)
        return archive(loader, module)

    source, bytecode = SourceFileLoader.get_code, SourcelessFileLoader.get_code
    extension, archive = ExtensionFileLoader.create_module, zipimport.zipimporter.get_code
    places: list[tuple[Any, str, Any]] = [
        (SourceFileLoader, "get_code", of_source),
        (SourcelessFileLoader, "get_code", of_bytecode),
        (ExtensionFileLoader, "create_module", of_extension),
        (zipimport.zipimporter, "get_code", of_archive),
    ]
    with _alone:
        before = [vars(owner).get(method) for owner, method, _ in places]
        try:
            for owner, method, replacement in places:
                setattr(owner, method, replacement)
            yield
        finally:
            for (owner, method, _), own in zip(places, before, strict=True):
                if own is None:
                    delattr(owner, method)  # it was inherited
                else:
                    setattr(owner, method, own)


def _noted(module: str, content: bytes) -> str:
    """The SHA-256 of what is about to be loaded, kept with the module."""
    sha256 = hashlib.sha256(content).hexdigest()
    if module in sys.modules:  # where it is put before its code runs; torch.hub does not
        _hashes[sys.modules[module]] = sha256
    return sha256


def _hash_of_loaded(module: str) -> str | None:
    """The SHA-256 of an imported module's file: as it was loaded where that was noted, else as it is now."""
    file, loaded = _foreign_file(module), sys.modules.get(module)
    if loaded is not None and loaded in _hashes:
        return _hashes[loaded]
    try:
        return None if file is None else hashlib.sha256(read_regular(file)).hexdigest()
    except OSError:
        return None


def _foreign_file(module: str) -> str | None:
    loaded = sys.modules.get(module)
    file = None if loaded is None else getattr(loaded, "__file__", None)
    return str(file) if file is not None and is_foreign(file) else None


def _referred_to(names: Sequence[CodeName]) -> set[str]:
    """The foreign modules that those of the named code refer to, themselves and their packages included."""
    found: set[str] = set()
    for name in names:
        place = _place(name.module)
        waiting = _with_packages(name.module)
        while waiting:
            module = waiting.pop()
            if module in found or module not in sys.modules or _place(module) != place:
                continue
            found.add(module)
            if _foreign_file(module) is None:
                continue  # a namespace, or an installed package, which refers to no foreign module
            for value in list(vars(sys.modules[module]).values()):
                kind = type(value)  # what `isinstance` asks of it may be code of its own
                if issubclass(kind, ModuleType):
                    waiting += _with_packages(value.__name__)
                elif issubclass(kind, type | FunctionType):
                    waiting += _with_packages(str(value.__module__))
    return {module for module in found if _foreign_file(module) is not None}


def _with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _place(module: str) -> Path | None:
    """The folder on Python's search path in which an imported module's outermost package or file lies."""
    outermost = sys.modules.get(module.partition(".")[0])
    file = getattr(outermost, "__file__", None)
    if file is not None:
        path = Path(file)
        return path.parents[1] if hasattr(outermost, "__path__") else path.parent
    folders = list(getattr(outermost, "__path__", ()))  # a namespace
    return Path(folders[0]).parent if folders else None
