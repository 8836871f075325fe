"""What became of each file of a YOLO data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tlbench.data.formats.yolo.folder import YoloImages
from tlbench.data.formats.yolo.label_files import LabelFiles
from tlbench.data.formats.yolo.label_texts import LABELS
from tlbench.data.image_kind import kind_of_file
from tlbench.data.inventory import Inventory, take_inventory
from tlbench.data.listing import warn_of_unread
from tlbench.system.folders import lies_hidden
from tlbench.system.voice import Voice


def take_yolo_inventory(
    found: YoloImages,
    files: Sequence[str],
    names: Sequence[str],
    labels: LabelFiles,
    unreadable: Mapping[str, str],
    voice: Voice,
) -> Inventory:
    """Say what became of each file below the data set's folder; what lies elsewhere is named by its whole path.

    Images of kinds that are not read are warned of.

    Args:
        found: The data set.
        files: All files below its folder.
        names: Its images.
        labels: Their label files.
        unreadable: Name of each image that cannot be read → why.
        voice: Speaks to the user.
    """
    base, root = os.path.abspath(found.base), os.path.abspath(found.root)  # noqa: PTH100

    def named(path: str) -> str:
        path = os.path.abspath(os.path.join(root, path))  # noqa: PTH100, PTH118
        return path[len(base) + 1 :] if path.startswith(f"{base}/") else path

    reasons = {named(name): why for name, why in unreadable.items()}
    read = {
        "images": [named(name) for name in names if name not in unreadable],
        "label files": [
            named(path) for name, path in zip(names, labels.paths, strict=True) if path and name not in unreadable
        ],
        "descriptions": [named(os.path.abspath(file)) for file in found.descriptions],  # noqa: PTH100
    }
    reasons |= {
        named(path): "label file of an image that cannot be read"
        for name, path in zip(names, labels.paths, strict=True)
        if path and name in unreadable
    }
    reasons |= {named(path): "label file without an image" for path in labels.strays}
    reasons |= {named(path): "label file of an image that no split lists" for path in labels.unlisted}
    kinds = []
    taken = reasons.keys() | {name for kind in read.values() for name in kind}
    for name in files:
        if name not in taken and not lies_hidden(name):
            kind = kind_of_file(f"{base}/{name}")
            kinds.append((name, kind))
            if kind.read:
                reasons[name] = "image that no split lists"
            elif name.lower().endswith(LABELS):
                reasons[name] = "text that is no image's label file"
            else:
                reasons[name] = kind.reason
    warn_of_unread(found.base, {name: kind.reason for name, kind in kinds if not kind.read}, kinds, voice)
    return take_inventory(found.base, files, read, reasons)
