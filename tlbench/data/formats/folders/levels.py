"""Whether folders are the classes: what is refused, and warned of, where those above or below them may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlbench.data.file_tree import Folder
from tlbench.data.formats.folders.hints import few_in, hint_above, hint_table, images, same_folders_in
from tlbench.data.formats.folders.splits import without
from tlbench.data.label_names import chosen, some
from tlbench.data.split_names import split_names
from tlbench.errors import DataError
from tlbench.system.voice import Voice


def check_level(folder: Folder, kept: Sequence[Folder]) -> None:
    """Refuse class folders below which there may be the classes or splits.

    Args:
        folder: Where the class folders lie.
        kept: These.

    Raises:
        DataError: There may be.
    """
    as_classes = f"or, where they are classes, name all of them: {chosen(f.name for f in kept)}"
    if same := same_folders_in(kept):
        holding, names = same
        raise DataError(
            f"{folder.path}: folders in it ({some(holding)}) hold folders of the same names ({some(names)}), so "
            "that either may be the classes; rename them to train, val and test where they are splits, give the "
            f"folder of one of them, move what is not to be read elsewhere, {as_classes}"
        )
    for of in kept:
        names = [inner.name for inner in of.with_images()]
        found = split_names(names) if few_in(of) else None
        if found and len(set(found.splits.values())) > 1:
            raise DataError(
                f"{of.path}: holds folders of splits ({some(names)}), all of which would be read as the class "
                f"{of.name!r}; give it itself if it is the data set, else move what is not to be trained on "
                f"elsewhere, {as_classes}"
            )


def warn_of_deep(folder: Folder, kept: Sequence[Folder], voice: Voice) -> None:
    """Warn of class folders that hold folders of images, which may be the classes.

    Args:
        folder: Where the class folders lie.
        kept: These.
        voice: Speaks to the user.
    """
    deep = [f for f in kept if few_in(f) and len(f.with_images()) > 1]
    if not deep:
        return
    within = some([f.name for f in deep[0].with_images()])
    if len(deep) == len(kept):
        voice.warn(
            f"{folder.path}: all folders in it hold folders of images, such as {deep[0].name} ({within}); the "
            "outer are read as the classes"
        )
        return
    own = sum(kind.image for kind in deep[0].kinds.values())
    holds = f"{images(own)} beside" if own else "no images but"
    voice.warn(
        f"{deep[0].path}: holds {holds} folders of images ({within}); all of them are read as the class "
        f"{deep[0].name!r}"
    )


def no_classes(folder: Folder, split: str | None, root: Path) -> DataError:
    """What to tell of a folder without class folders.

    Args:
        folder: The folder.
        split: Which it is to be; None: the data set has no folders of splits.
        root: Of the data set.
    """
    count = sum(kind.image for kind in folder.kinds.values())
    if not count:
        return DataError(
            f"{folder.path}: no class folders in it ({folder.contents()}); wanted is one folder of images a class"
            f"{hint_table(root)}"
        )
    if split in ("val", "test"):
        return DataError(
            f"{folder.path}: {images(count)} without class folders, so that they have no labels; {without(root, split)}"
        )
    return DataError(
        f"{folder.path}: no class folders in it, but {images(count)}, which have no labels so; wanted is one "
        f"folder of images a class{hint_above(root)}{hint_table(root)}"
    )
