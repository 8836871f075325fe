"""Which mask belongs to which image of a folder, and to which split; nothing is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.config import LimitsConfig
from tlbench.data.file_tree import FileTree
from tlbench.data.formats.masks.lists import SplitList, find_lists
from tlbench.data.formats.masks.roles import FORMS, FileRole, role_of
from tlbench.data.label_names import some
from tlbench.data.listing import natural_order
from tlbench.data.split_names import SplitNames, split_names
from tlbench.errors import DataError
from tlbench.system.voice import Voice

LAYOUTS = (
    "images/<split>/* and masks/<split>/*, or images/* and masks/*, where a mask has its image's name: an index PNG of "
    "the image's size"
)
_ORDER = ("train", "val", "test")
_NONE = SplitNames({})
_MANY = 0.05  # of the images: so many of them without a mask beside as many masks without an image are refused


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images and their masks.

    Args:
        parts: Split → (image, mask) of each, as paths below the root; `train` always.
        left_out: Path → why an image or a mask is not read.
        lists: Lists of splits that were read.
        forms: In which of Cityscapes' forms the masks are.
    """

    parts: Mapping[str, tuple[tuple[str, str], ...]]
    left_out: Mapping[str, str]
    lists: tuple[str, ...] = ()
    forms: frozenset[str] = frozenset()


def find_pairs(root: Path, tree: FileTree, limits: LimitsConfig, voice: Voice) -> Pairs:
    """Match the images and masks of a folder in any of the usual layouts.

    Args:
        root: The folder.
        tree: What lies below it.
        limits: How large lists of splits may be.
        voice: Speaks to the user.

    Raises:
        DataError: No images or masks, names that do not match, several masks of an image, splits without `train`.
    """
    return _Finder(root, limits, voice).find(tree)


@dataclass
class _Finder:
    root: Path
    limits: LimitsConfig
    voice: Voice
    left_out: dict[str, str] = field(default_factory=dict)

    def find(self, tree: FileTree) -> Pairs:
        images, masks = self._divided([role_of(name) for name in tree.top.images()])
        masks = self._one_form(masks)
        split_of = self._split_words([*images, *masks])
        lists: list[SplitList] = []
        if not split_of:
            lists = find_lists(self.root, tree, self.limits)
        by_split = _by(images, lambda file: self._split(file, split_of))
        if any(mask.splits for mask in masks):
            masks_of = _by(masks, lambda file: self._split(file, split_of))
            found = {split: self._matched(split, by_split.get(split, []), masks_of.get(split, [])) for split in _ORDER}
        else:  # one folder for the masks of all splits
            kept = [image for split in _ORDER for image in by_split.get(split, [])]
            split_by_name = {image.name: split for split in _ORDER for image in by_split.get(split, [])}
            found = {split: [] for split in _ORDER}
            for pair in self._matched("all splits" if split_of else "train", kept, masks):
                found[split_by_name[pair[0].name]].append(pair)
        found = {split: pairs for split, pairs in found.items() if pairs}
        if "train" not in found:
            held = " and ".join(found) or "nothing"
            raise DataError(f"{self.root}: holds {held} but no train of images with masks; wanted is {LAYOUTS}")
        if lists:
            found = self._listed(found["train"], lists)
        parts = {split: tuple((image.name, mask.name) for image, mask in found[split]) for split in found}
        self._warn_of_empty(tree, split_of, found)
        forms = frozenset(mask.form for pairs in found.values() for _, mask in pairs if mask.form)
        return Pairs(self._without_copies(parts), self.left_out, tuple(each.file for each in lists), forms)

    # ---- what is an image, what a mask

    def _divided(self, files: Sequence[FileRole]) -> tuple[list[FileRole], list[FileRole]]:
        """Images and masks by their folders; where no folder is one of masks, by the ends of their names."""
        images = [file for file in files if file.role == "image"]
        masks = [file for file in files if file.role == "mask"]
        rest = [file for file in files if file.role is None]
        if not masks:
            masks = [file for file in files if file.marked]
            images = [file for file in files if not file.marked]
            rest = []
        elif not images:
            images, rest = rest, []
        self.left_out |= {file.name: "in no folder of images or masks" for file in rest}
        for what, some_files in (("images", images), ("masks", masks)):
            if not some_files:
                are = "image file is" if len(files) == 1 else "image files are"
                others = f" ({len(files)} {are} there)" if files else ""
                raise DataError(f"{self.root}: no {what} in it{others}; wanted is {LAYOUTS}")
        return images, masks

    def _one_form(self, masks: Sequence[FileRole]) -> list[FileRole]:
        """Of Cityscapes' masks the form that is read."""
        there = {mask.form.casefold() for mask in masks if mask.form}
        form = next((form for form in FORMS if form.casefold() in there), None)
        if form is None:
            return list(masks)
        kept = [mask for mask in masks if not mask.form or mask.form.casefold() == form.casefold()]
        self.left_out |= {mask.name: f"other form of a mask than _{form}" for mask in masks if mask not in set(kept)}
        return kept

    # ---- splits

    def _split_words(self, files: Iterable[FileRole]) -> dict[str, str]:
        """Word → split; empty where no folder is one of a split."""
        words = dict.fromkeys(word for file in files for word in file.splits)
        if not words:
            return {}
        found = split_names(words)
        if found is None or found.lacks_train:
            held = " and ".join(words)
            raise DataError(f"{self.root}: holds {held} but no folder train; wanted is {LAYOUTS}")
        if found.doubtful:
            doubtful = " and ".join(found.doubtful)
            raise DataError(f"{self.root}: {doubtful} may be val or test; rename it to one of them")
        otherwise = [f"{word} as {split}" for word, split in found.splits.items() if word != split]
        if otherwise:
            self.voice.say(f"{self.root}: read as splits: {', '.join(otherwise)}")
        return {**found.splits, **dict.fromkeys(found.unlabelled, "")}

    def _split(self, file: FileRole, split_of: Mapping[str, str]) -> str:
        """The split of a file; empty where it has none, though others have."""
        if not split_of:
            return "train"
        splits = dict.fromkeys(split_of[word] for word in file.splits)
        if len(splits) > 1:
            raise DataError(
                f"{self.root / file.name}: lies in folders of {' and '.join(splits)}; move it to one of them"
            )
        split = next(iter(splits), "")
        if not split:
            self.left_out[file.name] = "in no folder of a split"
        return split

    def _warn_of_empty(self, tree: FileTree, split_of: Mapping[str, str], found: Collection[str]) -> None:
        """Tell of folders that are called after a split which none of the images is in."""
        for folder in tree.top.walk() if split_of else ():
            words = role_of(f"{folder.below}x").splits
            split = (split_names([*split_of, *words]) or _NONE).splits.get(words[-1], "") if words else ""
            if split and split not in found and not any(folder.names()):
                self.voice.warn(
                    f"{folder.path}: an empty folder, so there is no {split}; where one is needed it is carved out of "
                    "train"
                )

    def _listed(
        self, pairs: Sequence[tuple[FileRole, FileRole]], lists: Sequence[SplitList]
    ) -> dict[str, list[tuple[FileRole, FileRole]]]:
        """Divided as lists say."""
        by_name: dict[str, list[tuple[FileRole, FileRole]]] = {}
        for pair in pairs:
            for key in {pair[0].key.rpartition("/")[2], pair[0].name.rpartition("/")[2]}:
                by_name.setdefault(key, []).append(pair)
        found: dict[str, list[tuple[FileRole, FileRole]]] = {}
        taken: dict[str, str] = {}
        for each in lists:
            for line, names in each.names:
                name = next((name for name in names if name in by_name), names[0])
                fits = by_name.get(name, [])
                where = f"{self.root / each.file}:{line}"
                if len(fits) != 1:
                    raise DataError(f"{where}: {name}: fits {len(fits)} images with masks; mend the list")
                image = fits[0][0].name
                if taken.setdefault(image, each.split) != each.split:
                    raise DataError(f"{where}: {name} is in {taken[image]} already; list it once")
                found.setdefault(each.split, []).append(fits[0])
        if "train" not in found:
            raise DataError(f"{self.root}: lists of {' and '.join(found)}, but none of train; add one")
        unlisted = [pair for pair in pairs if pair[0].name not in taken]
        self.left_out |= {file.name: "image or mask that no list names" for pair in unlisted for file in pair}
        named = some([each.file for each in lists])
        self.voice.say(f"{self.root}: the splits are as {named} list{'s' if len(lists) == 1 else ''} them")
        return {split: list(dict.fromkeys(found[split])) for split in _ORDER if split in found}

    def _without_copies(
        self, parts: Mapping[str, tuple[tuple[str, str], ...]]
    ) -> dict[str, tuple[tuple[str, str], ...]]:
        """Without a val or test that is train's or val's own images, as links to one folder make it."""
        kept: dict[str, tuple[tuple[str, str], ...]] = {}
        for split, pairs in parts.items():
            own = [(self.root / image).resolve() for image, _ in pairs]
            same = next((o for o in kept if own == [(self.root / image).resolve() for image, _ in kept[o]]), None)
            if same is None:
                kept[split] = pairs
                continue
            self.left_out |= {file: f"of a {split} that is {same} itself" for pair in pairs for file in pair}
            self.voice.warn(
                f"{self.root}: {split} and {same} are the same images, so there is no {split}; where one is needed it "
                "is carved out of train"
            )
        return kept

    # ---- pairs

    def _matched(
        self, split: str, images: Sequence[FileRole], masks: Sequence[FileRole]
    ) -> list[tuple[FileRole, FileRole]]:
        """The images of a split with their masks, in natural order; the others are told of."""
        by_key = _by(masks, lambda mask: mask.key)
        pairs: dict[str, tuple[FileRole, FileRole]] = {}
        left = []
        for image in images:
            if fits := by_key.get(image.key, []):
                pairs[image.name] = image, self._only(image, fits)
            else:
                left.append(image)
        for levels in (_stem_in_folder, _stem):
            taken = {mask.name for _, mask in pairs.values()}
            rest = _by([mask for mask in masks if mask.name not in taken], levels)
            there = Counter(map(levels, left))
            for image in list(left):
                fits = rest.get(levels(image), [])
                if fits and there[levels(image)] == 1:
                    pairs[image.name] = image, self._only(image, fits)
                    left.remove(image)
        self._check_shared(pairs.values())
        taken = {mask.name for _, mask in pairs.values()}
        self._tell_left(split, len(images), left, [mask for mask in masks if mask.name not in taken])
        return sorted(pairs.values(), key=lambda pair: natural_order(pair[0].name))

    def _only(self, image: FileRole, fits: Sequence[FileRole]) -> FileRole:
        if len(fits) > 1:
            named = some([mask.name for mask in fits], 3)
            raise DataError(
                f"{self.root / image.name}: {named} could each be its mask; keep one there, and move the others"
            )
        return fits[0]

    def _check_shared(self, pairs: Iterable[tuple[FileRole, FileRole]]) -> None:
        owners: dict[str, str] = {}
        for image, mask in pairs:
            if other := owners.get(mask.name):
                raise DataError(
                    f"{self.root / mask.name}: {other} and {image.name} could each be its image; rename one of them"
                )
            owners[mask.name] = image.name

    def _tell_left(self, split: str, count: int, images: Sequence[FileRole], masks: Sequence[FileRole]) -> None:
        """Refuse names that do not match, and warn of images or masks that are alone."""
        alone = [some([file.name for file in files], 2) for files in (images, masks)]
        if count and len(images) > _MANY * count and len(masks) > _MANY * count:
            raise DataError(
                f"{self.root}: {len(images)} of {count} images of {split} have no mask ({alone[0]}), and {len(masks)} "
                f"masks no image ({alone[1]}); name each mask as its image"
            )
        self.left_out |= {image.name: "image without a mask" for image in images}
        self.left_out |= {mask.name: "mask without an image" for mask in masks}
        if images:
            have = "has" if len(images) == 1 else "have"
            gone = f", so there is no {split}" if len(images) == count else ""
            self.voice.warn(
                f"{self.root}: {len(images)} of {count} images of {split} {have} no mask ({alone[0]}); left out{gone}"
            )
        if masks:
            have = "1 mask has" if len(masks) == 1 else f"{len(masks)} masks have"
            self.voice.warn(f"{self.root}: {have} no image in {split} ({alone[1]}); left out")


def _by(files: Iterable[FileRole], key: Callable[[FileRole], str]) -> dict[str, list[FileRole]]:
    found: dict[str, list[FileRole]] = {}
    for file in files:
        found.setdefault(key(file), []).append(file)
    return found


def _stem_in_folder(file: FileRole) -> str:
    return f"{file.folder}/{file.stem}"


def _stem(file: FileRole) -> str:
    return file.stem
