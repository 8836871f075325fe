"""What the path of a file says: whether it is an image or a mask, of which split, and what both are called."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from tlbench.data.image_opening import EXTENSIONS

_SPLIT = "trainval|training|train|trn|validation|valid|val|testing|test|tst|dev|eval|holdout|unlabell?ed"
_MASK = (
    "(?:gt|seg|segmentation|semantic|semseg|pixel|class|index|colou?r|png|binary)?"
    "(?:masks?|annotations?|annots?|annos?|labels?|segmentations?|segmentationclass(?:aug)?|segs?|segmaps?|"
    "gts?|gtfine|gtcoarse|groundtruths?|trimaps?)(?:images?|imgs?|pngs?)?"
)
_IMAGE = (
    "(?:jpe?g|png|rgb|raw|orig|original|input)?"
    "(?:images?|imgs?|photos?|pictures?|pics?|frames?|inputs?|leftimg8bit|rgb|jpe?gs?|originals?|tiles?|patches)"
)
_PART = re.compile(
    rf"(?P<before>{_SPLIT})?(?:(?P<mask>{_MASK})|(?P<image>{_IMAGE}))?(?P<after>{_SPLIT})?(?:set|data|split)?(?:20\d\d)?"
)
_MASK_END = re.compile(
    r"[ ._-](?:gt(?:Fine|Coarse)_(?P<form>\w+)|masks?|segs?|segmentation|labels?|gt|groundtruth|ground_truth|"
    r"annotation|annot|(?-i:L))$",
    re.IGNORECASE,
)
_IMAGE_END = re.compile(r"[ ._-](?:leftImg8bit|images?|img|rgb|sat|orig|original)$", re.IGNORECASE)

FORMS = ("labelIds", "labelTrainIds", "color")
"""Of Cityscapes' masks, which come in several; the first that is there is read."""

Role = Literal["image", "mask"]


@dataclass(frozen=True)
class FileRole:
    """A file that may be read as an image.

    Args:
        name: Its path below the root.
        role: What its folders say that it is; None: nothing.
        splits: The words for splits in its folders (`train`, `val2017` → `val`), in their order.
        key: The rest of its path without ending: equal for an image and its mask.
        stem: The last part of that without what marks a mask or an image (`_mask`, `_leftImg8bit`).
        marked: Whether its name is marked as a mask's.
        form: Which of several masks of one image it is; None: there are no others.
    """

    name: str
    role: Role | None
    splits: tuple[str, ...]
    key: str
    stem: str
    marked: bool
    form: str | None

    @property
    def folder(self) -> str:
        """The key's folders."""
        return self.key.rpartition("/")[0]


def role_of(name: str) -> FileRole:
    """What a path below the root says."""
    *folders, file = name.split("/")
    role: Role | None = None
    splits, rest = [], []
    for folder in folders:
        found = _PART.fullmatch(re.sub(r"[\W_]+", "", folder).casefold())
        if not found:
            rest.append(folder)
            continue
        splits += [word for word in found.group("before", "after") if word]
        role = "mask" if found["mask"] else "image" if found["image"] else role
    stem = unicodedata.normalize("NFC", file.rpartition(".")[0] or file)
    mask = _MASK_END.search(stem)
    plain = stem[: mask.start()] if mask else _IMAGE_END.sub("", stem)
    for ending in EXTENSIONS:  # x.jpg.png
        plain = plain.removesuffix(ending)
    return FileRole(
        name, role, tuple(splits), "/".join([*rest, stem]), plain.casefold(), mask is not None, mask and mask["form"]
    )
