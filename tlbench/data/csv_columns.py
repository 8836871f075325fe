"""Which columns of a table hold paths, labels and splits: by their names, or where one reading alone fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from tlbench.data.csv_table import Table
from tlbench.data.decode import EXTENSIONS
from tlbench.data.image_kind import ending_of
from tlbench.data.label_names import some
from tlbench.data.split_names import split_name, split_names
from tlbench.data.truths import TRUTHS
from tlbench.errors import DataError, short

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
_PATH, _LABEL, _SPLIT = (frozenset(names.split()) for names in (_PATHS, _LABELS, _SPLITS))
"""Names of columns, without what is neither letter nor digit."""

_FLAG = re.compile(
    r"(?:is|in|isin)?(?:(train)(?:ing)?|(val)(?:id(?:ation)?)?|(test)(?:ing)?)(?:set|split|subset|data|fold|image|img)?"
)
_OF_SPLITS = re.compile(r"split|subset|partition|phase|(?<!scaf)(?<!mani)(?<!un)fold(?!er)|^usage$")
_MAY_BE_ELSE = frozenset(("dataset", "datatype", "mode", "stage"))  # where an image is from, a disease's stage, …
_NUMBER = re.compile(r"-?\d+(\.0+)?")
_LOOKED_AT = 50  # rows, to know whether a column holds paths


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Args:
        table: Its rows; the first line is one of them where it has no names.
        path: Position of the column of paths.
        label: Of the column of labels; None where there is one column a class.
        one_hot: Positions of those columns.
        splits: The split of each row; None where the table has none.
    """

    table: Table
    path: int
    label: int | None
    one_hot: tuple[int, ...]
    splits: list[str] | None

    def labels(self) -> list[str]:
        """The label of each row, as it is written.

        Raises:
            DataError: A row has none or several, where there is one column a class.
        """
        if self.label is not None:
            return [cells[self.label] for _, cells in self.table.rows]
        labels = []
        for line, cells in self.table.rows:
            chosen = [self.table.header[i].strip() for i in self.one_hot if TRUTHS[cells[i].strip().casefold()]]
            if len(chosen) != 1:
                which = f"{len(chosen)} classes ({some(chosen)})" if chosen else "no class"
                raise DataError(
                    f"{self.table.file}: line {line}: {which}; an image has one label here: leave the row out"
                )
            labels += chosen
        return labels


def is_name(cell: str) -> bool:
    """Whether a cell of the first line is the name of such a column."""
    return _plain(cell) in _PATH | _LABEL | _SPLIT


def find_columns(table: Table, names_file: Callable[[str], bool], say: Callable[[str], None]) -> Columns:
    """Find the columns of a table; what is not plain is said.

    Args:
        table: The table.
        names_file: Whether a cell means a file.
        say: Shows the user a line.

    Raises:
        DataError: A column is lacking, or several may be meant.
    """
    header = table.header
    if _is_row(table, names_file):
        say(f"{table.file}: its first line is read as a row, as it names a file; there are no names of columns")
        table = table.without_header()
        header = table.header
    for name in ("path", "label", "split"):
        if sum(_plain(cell) == name for cell in header) > 1:
            raise DataError(f"{table.file}: column {name} occurs twice; keep one of them")
    path = _path_column(table, names_file)
    taken = {path}
    splits, of_splits, unused_splits = _splits(table, taken)
    taken |= of_splits
    label, one_hot = _label_column(table, taken | unused_splits)
    told = {"path": path, "label": label}
    named = [f"{kind} from {_called(header, i)}" for kind, i in told.items() if i is not None and header[i] != kind]
    named += [f"labels from the columns {some([header[i].strip() for i in one_hot])}"] if one_hot else []
    named += [f"splits from {_called(header, i)}" for i in sorted(of_splits) if header[i] != "split"]
    if named:
        say(f"{table.file}: read {', '.join(named)}")
    rest = [header[i] for i in range(len(header)) if i not in taken | {label, *one_hot} and not _is_index(header[i])]
    if rest:
        say(f"{table.file}: columns that are not read: {short(some(rest), 200)}")
    return Columns(table, path, label, one_hot, splits)


# ---- the first line


def _is_row(table: Table, names_file: Callable[[str], bool]) -> bool:
    """Whether the first line has no names of columns: one of its cells has the ending of an image, or names a file as
    those below it do.
    """
    if any(ending_of(cell.strip()) in EXTENSIONS for cell in table.header):
        return True
    there = [i for i, cell in enumerate(table.header) if cell.strip() and not is_name(cell) and names_file(cell)]
    if not any(map(is_name, table.header)):
        return bool(there)
    rows = list(islice(table.rows, _LOOKED_AT))
    return any(len({cells[i] for _, cells in rows}) == len(rows) and _hold_files(i, rows, names_file) for i in there)


# ---- paths


def _path_column(table: Table, names_file: Callable[[str], bool]) -> int:
    plain = [_plain(name) for name in table.header]
    if "path" in plain:
        return plain.index("path")
    named = [i for i, name in enumerate(plain) if name in _PATH]
    if len(named) == 1:
        return named[0]
    rows = list(islice(table.rows, _LOOKED_AT))
    fitting = [i for i in named or range(len(plain)) if _hold_files(i, rows, names_file)]
    if len(fitting) > 1:  # `img_id,filepath`: a number may be that of an image, too
        written = [i for i in fitting if all(ending_of(cells[i].strip()) in EXTENSIONS for _, cells in rows)]
        fitting = written if len(written) == 1 else fitting
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        raise DataError(
            f"{table.file}: columns {some([_called(table.header, i) for i in fitting])} all name files; call the one "
            "to read path"
        )
    raise _lacks(table, "path" if any(name in _LABEL for name in plain) else "path and label")


def _hold_files(column: int, rows: Sequence[tuple[int, list[str]]], names_file: Callable[[str], bool]) -> bool:
    return bool(rows) and all(cells[column].strip() and names_file(cells[column]) for _, cells in rows)


# ---- labels


def _label_column(table: Table, taken: set[int]) -> tuple[int | None, tuple[int, ...]]:
    plain = [_plain(name) for name in table.header]
    free = [i for i in range(len(plain)) if i not in taken and not (_is_index(table.header[i]) and any(plain))]
    for names in ({"label"}, _LABEL):
        named = [i for i in free if plain[i] in names]
        if len(named) == 1:
            return named[0], ()
        if named:
            return _renamed(table, named), ()
    if len(free) == 1:
        return free[0], ()
    if len(free) > 1 and any(plain) and all(cell.casefold() in TRUTHS for i in free for cell in table.column(i)):
        return None, tuple(free)
    raise _lacks(table, "label")


def _renamed(table: Table, columns: list[int]) -> int:
    """The column of names among columns that say the same (`class_id`, `class_name`)."""
    values = [table.column(i) for i in columns]
    pairs = len(set(zip(*values, strict=True)))
    texts = [i for i, cells in zip(columns, values, strict=True) if not all(map(_NUMBER.fullmatch, cells))]
    if all(len(set(cells)) == pairs for cells in values) and len(texts) == 1:
        return texts[0]
    raise DataError(
        f"{table.file}: columns {some([_called(table.header, i) for i in columns])} may all be the labels; call the "
        "one to read label"
    )


# ---- splits


def _splits(table: Table, taken: set[int]) -> tuple[list[str] | None, set[int], set[int]]:
    """The split of each row, the columns that say so, and those that could but do not.

    Raises:
        DataError: A column speaks of splits and nothing tells which rows are train, val and test.
    """
    plain = [_plain(name) for name in table.header]
    unnamed = not any(plain)
    named: dict[int, list[str]] = {}
    flags: dict[int, tuple[str, list[bool]]] = {}
    unused, unclear = set(), []
    for i, name in enumerate(plain):
        if i in taken:
            continue
        cells = table.column(i)
        values = set(cells)
        speaks = _speaks_of_splits(table.header[i])
        may = name not in _LABEL and (unnamed or not _is_index(table.header[i])) and len(values) < 5
        found = split_names(values) if name in _SPLIT or speaks or may else None
        if found and unnamed and values - set(found.splits):
            found = None
        if (flag := _FLAG.fullmatch(name)) and (truths := _truths(cells)) is not None:
            flags[i] = (next(filter(None, flag.groups())), truths)
        elif name == "split" or (found is not None and not found.lacks_train):
            named[i] = _named_splits(table, i, cells)
        elif (
            speaks
            or (name in _SPLIT and all(map(_NUMBER.fullmatch, values)))
            or (found and all(map(split_name, values)))
        ):
            unclear.append(i)
        elif name in _SPLIT:
            unused.add(i)
    found_splits = [*named.values(), *([_from_flags(table, flags)] if flags else [])]
    if any(splits != found_splits[0] for splits in found_splits[1:]):
        columns = some([_called(table.header, i) for i in sorted({*named, *flags})])
        raise DataError(f"{table.file}: columns {columns} give different splits; keep one of them")
    for i in unclear:
        values = set(table.column(i))
        if not named and not (flags and all(map(_NUMBER.fullmatch, values))):
            shown = short(some([value or "blank" for value in sorted(values)]), 200)
            hint = "" if any(name in _LABEL for name in plain) else ", call it label if it holds those"
            raise DataError(
                f"{table.file}: column {_called(table.header, i)} speaks of splits, but its values ({shown}) do not "
                f"tell which are train, val and test; write these in a column split instead{hint}, or remove the column"
            )
    return (found_splits[0] if found_splits else None), {*named, *flags}, {*unused, *unclear}


def _speaks_of_splits(name: str) -> bool:
    """Whether a column of that name tells splits, whatever is in it: `cv_fold`, `Set`, `is_test_image`."""
    plain = _plain(name)
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    of_splits = _OF_SPLITS.search(plain) or _FLAG.fullmatch(plain) or {"set", "sets"} & set(words)
    return bool(of_splits) and plain not in _MAY_BE_ELSE | _LABEL


def _truths(cells: list[str]) -> list[bool] | None:
    """What cells such as `Y` and `N` say; blank ones are false where the others are all true."""
    values = {cell.casefold() for cell in cells}
    known = {**TRUTHS, "": False} if all(TRUTHS.get(value) for value in values - {""}) else TRUTHS
    return [known[cell.casefold()] for cell in cells] if values <= known.keys() else None


def _named_splits(table: Table, column: int, cells: list[str]) -> list[str]:
    found = split_names(set(cells))
    splits = {} if found is None else found.splits
    for (line, _), cell in zip(table.rows, cells, strict=True):
        if cell not in splits:
            doubt = " may be val or test" if found and cell in found.doubtful else ""
            raise DataError(
                f"{table.file}: line {line}: {table.header[column].strip() or 'split'} {short(repr(cell))}{doubt}; "
                "allowed: train, val, test"
            )
    return [splits[cell] for cell in cells]


def _from_flags(table: Table, flags: dict[int, tuple[str, list[bool]]]) -> list[str]:
    """From columns such as `is_valid` and `is_test`; what is neither is train."""
    splits = []
    for row, (line, _) in enumerate(table.rows):
        chosen = {split for split, values in flags.values() if values[row]}
        known = {split for split, _ in flags.values()}
        if not chosen and "train" in known:
            others = {"val", "test"} - known
            chosen = others if len(others) == 1 else {"test"} if known == {"train"} else set()
        if len(chosen) > 1 or (not chosen and "train" in known):
            raise DataError(
                f"{table.file}: line {line}: in {some(sorted(chosen)) or 'no split'} by its columns "
                f"{some([_called(table.header, i) for i in flags])}; a row is in one split"
            )
        splits.append(chosen.pop() if chosen else "train")
    return splits


# ---- names


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _is_index(name: str) -> bool:
    """The column that pandas writes before all others."""
    return not name.strip() or re.fullmatch(r"unnamed\d*|index|level0", _plain(name)) is not None


def _called(header: Sequence[str], column: int) -> str:
    name = header[column].strip()
    return f"{short(repr(name))}" if name else f"number {column + 1}"


def _lacks(table: Table, column: str) -> DataError:
    there = short(", ".join(table.header), 200)
    return DataError(
        f"{table.file}: no column {column} in its first line ({there}); wanted are path, label and, if there are "
        "splits, split"
    )
