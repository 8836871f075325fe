"""A folder for what a command makes of each file: copies with what was found drawn on them, class maps."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.console import complain
from tlbench.data.decode import WHOLE_FILES, Decoding, decode_rgb
from tlbench.data.unreadable import UnreadableError
from tlbench.errors import ConfigError
from tlbench.pictures.drawing import draw
from tlbench.pictures.marks import Mark
from tlbench.system.atomic import output_errors, write_atomic
from tlbench.system.own_files import refuse_links_out
from tlbench.tools.files import read

MARK = ".drawn-by-tlbench"
"""An empty file: what else is in the folder may be made anew."""

_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),  # thin coloured lines keep their colour
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".png": ("PNG", {"compress_level": 3}),
    ".webp": ("WEBP", {"quality": 95, "use_sharp_yuv": True}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    ".ppm": ("PPM", {}),
}


class MadeFolder:
    """Takes what a command makes of each file; nothing is written before the first.

    What is made of a file lies below the folder as the file is below `input` (of a pattern: below the folder that all
    files share).

    Args:
        key: What names the folder on the command line.
        folder: As it gives it.
        given: What `input=` names.
        names: All files.

    Raises:
        ConfigError: The folder holds files of the user's, or lies in the folder that is searched for images.
        OutputError: A link in the folder leads out of it.
    """

    VERB: ClassVar[str] = "write"
    """What is done with a file, for messages."""

    def __init__(self, key: str, folder: str, given: str, names: Sequence[str]) -> None:
        self._key, self._folder = key, Path(folder).expanduser()
        source = Path(given).expanduser()
        parents = [_absolute(name).parent for name in names]
        self._below = _absolute(given) if source.is_dir() else Path(os.path.commonpath(parents))
        self._check(folder, source, names)

    def place(self, name: str) -> Path:
        """Where what is made of a file goes, under the file's own name."""
        return self._folder / _absolute(name).relative_to(self._below)

    def write(self, place: Path, picture: Image.Image, kind: str, **options: Any) -> None:
        """Write a picture.

        Args:
            place: In the folder.
            picture: It.
            kind: Pillow's name of the format.
            options: Pillow's, of `save`.

        Raises:
            OutputError: The disk refuses.
        """
        content = io.BytesIO()
        picture.save(content, format=kind, **options)
        with output_errors(self._folder, f"name another folder with {self._key}=…"):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / MARK).touch()
            write_atomic(place, content.getvalue())

    def _check(self, folder: str, source: Path, names: Sequence[str]) -> None:
        here = _real(self._folder)
        if here.exists() and not here.is_dir():
            raise ConfigError(f"{self._key}={folder!r}: a file; name a folder")
        inputs = next((name for name in names if _real(Path(name).expanduser()).is_relative_to(here)), None)
        if inputs is not None:
            raise ConfigError(
                f"{self._key}={folder!r}: it holds {inputs}, which is searched; name a new or an empty folder"
            )
        if source.is_dir() and here.is_relative_to(_real(source)):
            raise ConfigError(
                f"{self._key}={folder!r}: it lies in input={str(source)!r}, whose images these would join; name a "
                "folder elsewhere"
            )
        if here.is_dir() and not (here / MARK).is_file() and any(here.iterdir()):
            raise ConfigError(
                f"{self._key}={folder!r}: it holds files that this command did not {self.VERB}; name a new or an empty "
                "folder"
            )
        refuse_links_out(self._folder)


class DrawnFolder(MadeFolder):
    """Takes copies of the images with what was found drawn on them.

    A picture has the name of its file. Files of a kind that cannot hold colours as they are (`.gif`, `.pgm`) get `.png`
    behind it.

    Args:
        folder: As `draw=` gives it.
        given: As in `MadeFolder`.
        names: Likewise.
        how: As the run decodes its files, but whole.

    Raises:
        ConfigError, OutputError: As `MadeFolder`.
    """

    VERB: ClassVar[str] = "draw"

    def __init__(self, folder: str, given: str, names: Sequence[str], how: Decoding = WHOLE_FILES) -> None:
        super().__init__("draw", folder, given, names)
        self._how = how

    def place(self, name: str) -> Path:
        """Where the picture of a file goes."""
        path = super().place(name)
        return path if path.suffix.lower() in _FORMATS else path.with_name(f"{path.name}.png")

    def draw(self, name: str, marks: Sequence[Mark]) -> None:
        """Write the picture of a file.

        Args:
            name: The file; when it cannot be read any more, the user is told.
            marks: What was found, in pixels of the upright image, the surest last.

        Raises:
            OutputError: The disk refuses.
        """
        try:
            image = decode_rgb(read(name, self._how.limit), self._how)
        except UnreadableError as error:
            complain(f"warning: {name}: {error}; not drawn")
            return
        place = self.place(name)
        kind, options = _FORMATS[place.suffix.lower()]
        self.write(place, Image.fromarray(draw(np.asarray(image), marks)), kind, **options)


class MapFolder(MadeFolder):
    """Takes index PNGs: a class a pixel.

    A map is called as its file, but ends in `.png`; where two files of a folder differ in their ends alone, `.png`
    comes behind the whole names of both.

    Args:
        folder: As `maps=` gives it.
        given: As in `MadeFolder`.
        names: Likewise.

    Raises:
        ConfigError, OutputError: As `MadeFolder`.
    """

    def __init__(self, folder: str, given: str, names: Sequence[str]) -> None:
        super().__init__("maps", folder, given, names)
        self._stems = Counter(_absolute(name).with_suffix("") for name in names)

    def place(self, name: str) -> Path:
        """Where the map of a file goes."""
        path = super().place(name)
        alone = self._stems[_absolute(name).with_suffix("")] == 1
        return path.with_suffix(".png") if alone else path.with_name(f"{path.name}.png")

    def keep(self, name: str, classes: NDArray[np.uint8]) -> None:
        """Write the map (H, W) of a file.

        Raises:
            OutputError: The disk refuses.
        """
        self.write(self.place(name), Image.fromarray(classes), "PNG", compress_level=6)


def _absolute(name: str) -> Path:
    return Path(os.path.abspath(Path(name).expanduser()))  # noqa: PTH100 - Path.absolute leaves `..` in


def _real(path: Path) -> Path:
    """Where a path leads; `Path.resolve` raises on a loop of links."""
    return Path(os.path.realpath(path))
