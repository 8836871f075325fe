"""The image files below a folder of a YOLO data set, and which of them a name in a list means."""

from __future__ import annotations

from pathlib import Path

from tlbench.data.formats.yolo.label_texts import file_name, stem
from tlbench.data.image_kind import kind_of_file
from tlbench.data.listing import natural_order
from tlbench.data.paths import folded, parts_of_path, split_of
from tlbench.system.folders import entries_of, is_folder, walk


def images_below(folder: Path) -> list[str]:
    """The image files below a folder, at any depth, in natural order; hidden ones are ignored."""
    found = [
        f"{below}{entry.name}" for below, files in walk(folder) for entry in files if kind_of_file(entry.path).read
    ]
    return [str(folder / name) for name in sorted(found, key=natural_order)]


def called(folder: Path, name: str) -> Path | None:
    """The folder of a name in a folder, in any capitals."""
    if (folder / name).is_dir():
        return folder / name
    found = [entry.name for entry in entries_of(folder) if entry.name.lower() == name and is_folder(entry)]
    return folder / found[0] if len(found) == 1 else None


class ImageNames:
    """The images below a folder, or below `images` in it, by the last part of their names.

    Args:
        root: The folder; it is gone through once a name is asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._paths: dict[str, list[str]] | None = None

    def fitting(self, name: str, whole: bool = False) -> list[str]:
        """The paths of the images that a name can mean, which may lack their ending and folders, or have more of them.

        Folders that the images lack are those of another machine, unless they are a split's.

        Args:
            name: The name.
            whole: All its folders are the image's.
        """
        parts = parts_of_path(name)
        if not parts:
            return []
        *folders, last = parts
        fits = [path for path in self._by_name().get(folded(last), ()) if self._may_be(path, folders, whole)]
        exact = [path for path in fits if last in (file_name(path), stem(file_name(path)))]
        return exact if len(exact) == 1 else fits

    def _may_be(self, path: str, folders: list[str], whole: bool) -> bool:
        own = [folded(part) for part in Path(path).relative_to(self.root).parent.parts]
        common = min(len(own), len(folders))
        rest = folders[: len(folders) - common]
        if rest and (whole or any(map(split_of, rest))):
            return False
        return own[len(own) - common :] == list(map(folded, folders[len(rest) :]))

    def _by_name(self) -> dict[str, list[str]]:
        if self._paths is None:
            self._paths = {}
            for path in images_below(called(self.root, "images") or self.root):
                for key in dict.fromkeys((folded(file_name(path)), folded(stem(file_name(path))))):
                    self._paths.setdefault(key, []).append(path)
        return self._paths
