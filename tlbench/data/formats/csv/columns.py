"""Which columns of a table hold paths, labels and splits: by their names, or where one reading alone fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from tlbench.data.formats.csv.names import LABEL, NUMBER, PATH, called, is_index, is_name, plain
from tlbench.data.formats.csv.paths import PathFinder
from tlbench.data.formats.csv.splits import classes_called_like_splits, find_splits
from tlbench.data.formats.csv.table import Table
from tlbench.data.image_kind import ending_of
from tlbench.data.image_opening import EXTENSIONS
from tlbench.data.label_names import some
from tlbench.data.truths import TRUTHS
from tlbench.errors import DataError, short
from tlbench.system.voice import Voice

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


def find_columns(table: Table, finder: PathFinder, voice: Voice) -> Columns:
    """Find the columns of a table; what is not plain is said.

    Args:
        table: The table.
        finder: Of the files that its cells name.
        voice: Speaks to the user.

    Raises:
        DataError: A column is lacking, or several may be meant.
    """
    header = table.header
    if _is_row(table, finder):
        voice.say(f"{table.file}: its first line is read as a row, as it names a file; there are no names of columns")
        table = table.without_header()
        header = table.header
    for name in ("path", "label", "split"):
        if sum(plain(cell) == name for cell in header) > 1:
            raise DataError(f"{table.file}: column {name} occurs twice; keep one of them")
    path = _path_column(table, finder)
    splits, of_splits, unused_splits = find_splits(table, {path, *classes_called_like_splits(table, path)})
    taken = {path, *of_splits}
    label, one_hot = _label_column(table, taken | unused_splits)
    told = {"path": path, "label": label}
    named = [f"{kind} from {called(header, i)}" for kind, i in told.items() if i is not None and header[i] != kind]
    named += [f"labels from the columns {some([header[i].strip() for i in one_hot])}"] if one_hot else []
    if "split" not in [header[i] for i in of_splits]:  # with which the others agree
        named += [f"splits from {called(header, i)}" for i in sorted(of_splits)]
    if named:
        voice.say(f"{table.file}: read {', '.join(named)}")
    rest = [header[i] for i in range(len(header)) if i not in taken | {label, *one_hot} and not is_index(header[i])]
    if rest:
        voice.say(f"{table.file}: columns that are not read: {short(some(rest), 200)}")
    return Columns(table, path, label, one_hot, splits)


# ---- the first line


def _is_row(table: Table, finder: PathFinder) -> bool:
    """Whether the first line has no names of columns: one of its cells has the ending of an image, or names a file as
    those below it do.

    Files are searched for below the table's folder, which may be a whole home, only where no column has their paths.
    """
    header = table.header
    if any(ending_of(cell.strip()) in EXTENSIONS for cell in header):
        return True
    rows = _first_rows(table)
    of_paths = [i for i in range(len(header)) if _many(i, rows) and any(finder.is_written(cells[i]) for cells in rows)]
    if of_paths:
        return any(not is_name(header[i]) and finder.is_written(header[i]) for i in of_paths)
    unknown = [i for i, cell in enumerate(header) if cell.strip() and not is_name(cell)]
    if not any(map(is_name, header)):
        return any(finder.is_found(header[i]) for i in unknown)
    distinct = [i for i in unknown if len({cells[i] for cells in rows}) == len(rows)]
    return any(finder.is_found(header[i]) and _hold_files(i, rows, finder) for i in distinct)


def _first_rows(table: Table) -> list[list[str]]:
    return [cells for _, cells in islice(table.rows, _LOOKED_AT)]


def _many(column: int, rows: Sequence[list[str]]) -> bool:
    """Whether the values of a column differ as paths do, of which each stands for one image."""
    return len({cells[column] for cells in rows}) > len(rows) // 2


# ---- paths


def _path_column(table: Table, finder: PathFinder) -> int:
    names = [plain(name) for name in table.header]
    if "path" in names:
        return names.index("path")
    named = [i for i, name in enumerate(names) if name in PATH]
    if len(named) == 1:
        return named[0]
    rows = _first_rows(table)
    unnamed = [i for i in range(len(names)) if _many(i, rows)]
    fitting = [i for i in named or unnamed if _hold_files(i, rows, finder)]
    if len(fitting) > 1:  # `img_id,filepath`: a number may be that of an image, too
        written = [i for i in fitting if all(ending_of(cells[i].strip()) in EXTENSIONS for cells in rows)]
        fitting = written if len(written) == 1 else fitting
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        raise DataError(
            f"{table.file}: columns {some([called(table.header, i) for i in fitting])} all name files; call the one "
            "to read path"
        )
    raise _lacks(table, "path" if any(name in LABEL for name in names) else "path and label")


def _hold_files(column: int, rows: Sequence[list[str]], finder: PathFinder) -> bool:
    return bool(rows) and all(cells[column].strip() and finder.is_found(cells[column]) for cells in rows)


# ---- labels


def _label_column(table: Table, taken: set[int]) -> tuple[int | None, tuple[int, ...]]:
    names = [plain(name) for name in table.header]
    free = [i for i in range(len(names)) if i not in taken and not (is_index(table.header[i]) and any(names))]
    for wanted in ({"label"}, LABEL):
        named = [i for i in free if names[i] in wanted]
        if len(named) == 1:
            return named[0], ()
        if named:
            return _renamed(table, named), ()
    if len(free) == 1:
        return free[0], ()
    if len(free) > 1 and any(names) and all(cell.casefold() in TRUTHS for i in free for cell in table.column(i)):
        return None, tuple(free)
    raise _lacks(table, "label")


def _renamed(table: Table, columns: list[int]) -> int:
    """The column of names among columns that say the same (`class_id`, `class_name`)."""
    values = [table.column(i) for i in columns]
    pairs = len(set(zip(*values, strict=True)))
    texts = [i for i, cells in zip(columns, values, strict=True) if not all(map(NUMBER.fullmatch, cells))]
    if all(len(set(cells)) == pairs for cells in values) and len(texts) == 1:
        return texts[0]
    raise DataError(
        f"{table.file}: columns {some([called(table.header, i) for i in columns])} may all be the labels; call the "
        "one to read label"
    )


def _lacks(table: Table, column: str) -> DataError:
    there = short(", ".join(table.header), 200)
    return DataError(
        f"{table.file}: no column {column} in its first line ({there}); wanted are path, label and, if there are "
        "splits, split"
    )
