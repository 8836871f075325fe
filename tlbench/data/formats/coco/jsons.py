"""What is in the JSON files of a folder, where their names leave a choice; each is parsed once at most."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tlbench.config import LimitsConfig
from tlbench.data.formats.coco.content import is_coco, is_predicted, load_json, without_annotations
from tlbench.data.formats.coco.paths import Tree, as_written, path_parts
from tlbench.data.paths import folded
from tlbench.errors import DataError
from tlbench.system.regular_file import open_regular

Kind = Literal["boxes", "predictions", "images alone", "annotations of another kind", "broken", "else"]

_BEGINNING = 4096
"""Bytes in which one of COCO's lists begins, or what is written before them."""

_LISTS = re.compile(r'"(info|licenses|images|annotations|categories|videos)"\s*:')
_WORTH = 64 * 2**20
"""Bytes up to which a file is parsed only to warn of it."""


class JsonFiles:
    """The JSON files below a folder.

    Args:
        root: The folder.
        files: All files below it.
        limits: Up to which size files are read.
        parsed: File → its content, where that is known.
    """

    def __init__(
        self, root: Path, files: Sequence[str], limits: LimitsConfig, parsed: dict[str, Any] | None = None
    ) -> None:
        self.root, self.files, self.limits = root, files, limits
        self._parsed = dict(parsed or {})
        self._kinds: dict[str, Kind] = {}

    def kind(self, file: str) -> Kind:
        """What is in a file; of a large one that does not begin as COCO's do, by its beginning."""
        if file not in self._kinds:
            self._kinds[file] = self._look(file)
        return self._kinds[file]

    def holds_boxes(self, file: str) -> bool:
        """Whether it has images and annotations with boxes; or is broken, which is said where it is taken."""
        return self.kind(file) in ("boxes", "predictions", "broken")

    def holds_truth(self, file: str) -> bool:
        """Whether it has boxes, and these are no predictions."""
        return self.kind(file) in ("boxes", "broken")

    def kind_at_sight(self, file: str) -> Kind:
        """As `kind`; of a very large file only by its beginning."""
        if file not in self._kinds and _size(self.root / file) > _WORTH:
            return "boxes" if _may_be_coco(self.root / file) else "else"
        return self.kind(file)

    def take(self, file: str) -> Any:
        """Its content, which is not kept here any longer.

        Raises:
            DataError: It cannot be read, is too large, or no JSON.
        """
        return self._parsed.pop(file) if file in self._parsed else load_json(self.root / file, self.limits)

    def drop(self, file: str) -> None:
        """Forget its content, which may be large."""
        self._parsed.pop(file, None)

    def reach(self, file: str, bases: Sequence[str]) -> tuple[int, int]:
        """How many images are below that of the folders where most are; and how many there are."""
        names = self._names(file)
        most = 0
        for base in bases:
            most = max(most, as_written(names, base, self._tree))
            if most == len(names):
                break
        return most, len(names)

    def adds(self, file: str, other: str) -> bool:
        """Whether it lists images that the other does not, and that are somewhere below the root."""
        more = self._plain_names(file) - self._plain_names(other)
        return not more.isdisjoint(self._tree.by_name)

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.root, self.files)

    def _look(self, file: str) -> Kind:
        if file not in self._parsed:
            if not _may_be_coco(self.root / file):
                return "else"
            try:
                content = load_json(self.root / file, self.limits)
            except DataError:
                return "broken"
            if not isinstance(content, dict) or not isinstance(content.get("images"), list):
                return "else"
            self._parsed[file] = content
        content = self._parsed[file]
        if without_annotations(content):
            return "images alone"
        if not is_coco(content):
            return "annotations of another kind" if isinstance(content.get("annotations"), list) else "else"
        return "predictions" if is_predicted(content) else "boxes"

    def _names(self, file: str) -> list[str]:
        return image_names(self._parsed.get(file))

    def _plain_names(self, file: str) -> set[str]:
        return {folded(parts[-1]) for name in self._names(file) if (parts := path_parts(name))}


def image_names(content: Any, most: int | None = None) -> list[str]:
    """What a file of COCO's kind calls its images, with `/`; only of the first `most`."""
    listed = content.get("images") if isinstance(content, dict) else None
    entries = listed[:most] if isinstance(listed, list) else []
    return [
        name.replace("\\", "/")
        for entry in entries
        if isinstance(entry, dict)
        and isinstance(name := entry.get("file_name"), str)
        and name != ""
        and "\0" not in name
    ]


def _may_be_coco(file: Path) -> bool:
    """Whether a file is small, or begins as COCO's do: reading thousands of others would take minutes."""
    try:
        with open_regular(file) as opened:
            beginning = opened.read(_BEGINNING)
    except OSError:
        return True  # what is wrong with it is said where it is parsed
    if len(beginning) < _BEGINNING:
        return True
    text = beginning.decode(json.detect_encoding(beginning), "replace").lstrip("\ufeff \t\r\n")
    return text.startswith("{") and _LISTS.search(text) is not None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
