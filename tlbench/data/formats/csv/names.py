"""What the names of a table's columns say, however they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tlbench.errors import short

_PATHS = (
    "path paths file files filepath filename filenames image images imagepath imagefile imagefilename imagename "
    "imageid imageindex img imgs imgpath imgname imgid imgfile id fname name photo photoid picture fullpath relpath "
    "relativepath fileid uri"
)
_LABELS = (
    "label labels class classes classname classlabel classid category categoryname categoryid target targets y tag "
    "tags choice species breed diagnosis dx labelname labelid groundtruth gt"
)
_SPLITS = (
    "split splits set subset partition phase fold folds kfold usage datasplit datasetsplit splitname dataset datatype "
    "mode stage isvalid isval isvalidation valid isvalidset istest istestset test istrain train istraining"
)
PATH, LABEL, SPLIT = (frozenset(names.split()) for names in (_PATHS, _LABELS, _SPLITS))
"""Names of columns, as `plain` gives them."""

NUMBER = re.compile(r"-?\d+(\.0+)?")


def plain(name: str) -> str:
    """A name in lower case, without what is neither letter nor digit."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def is_name(cell: str) -> bool:
    """Whether a cell of the first line is the name of a column of paths, labels or splits."""
    return plain(cell) in PATH | LABEL | SPLIT


def is_index(name: str) -> bool:
    """Whether it is the column that pandas writes before all others."""
    return not name.strip() or re.fullmatch(r"unnamed\d*|index|level0", plain(name)) is not None


def called(header: Sequence[str], column: int) -> str:
    """A column for a message: its name, or its number where it has none."""
    name = header[column].strip()
    return f"{short(repr(name))}" if name else f"number {column + 1}"
