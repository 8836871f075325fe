"""Which columns of a table tell its splits, and which columns that are called like splits are classes."""

from __future__ import annotations

import re

from tlbench.data.formats.csv.names import LABEL, NUMBER, SPLIT, called, is_index, plain
from tlbench.data.formats.csv.table import Table
from tlbench.data.label_names import some
from tlbench.data.split_names import SplitNames, split_name, split_names
from tlbench.data.truths import TRUTHS
from tlbench.errors import DataError, short

_FLAG = re.compile(
    r"(is|in|isin)?(?:(train)(?:ing)?|(val)(?:id(?:ation)?)?|(test)(?:ing)?)(?:set|split|subset|data|fold|image|img)?"
)
_OF_SPLITS = re.compile(r"split|subset|partition|phase|(?<!scaf)(?<!mani)(?<!un)fold(?!er)|^usage$")
_MAY_BE_ELSE = frozenset(("dataset", "datatype", "mode", "stage"))  # where an image is from, a disease's stage, …


def classes_called_like_splits(table: Table, path: int) -> tuple[int, ...]:
    """The columns of a table with one column a class, of which some are called like splits: `car`, `bus`, `train`.

    Args:
        table: The table.
        path: Position of its column of paths.

    Returns:
        Their positions; empty where the table is another, or where no class is called so.

    Raises:
        DataError: A column `val` or `test` may be a class, or may mark images that have none.
    """
    names = [plain(name) for name in table.header]
    others = [i for i in range(len(names)) if i != path]
    if not any(names) or any(names[i] in LABEL for i in others):
        return ()
    rows: dict[int, list[bool]] = {}
    for i in others:
        cells = [cell.casefold() for cell in table.column(i)]
        if not is_index(table.header[i]) and not _flag(names[i], prefixed=True) and TRUTHS.keys() >= set(cells):
            rows[i] = [TRUTHS[cell] for cell in cells]
    like_splits = [i for i in rows if (names[i] in SPLIT or _speaks_of_splits(table.header[i])) and any(rows[i])]
    one_each = all(sum(row) == 1 for row in zip(*rows.values(), strict=True))
    if not like_splits or len(like_splits) == len(rows) or not one_each:
        return ()
    for i in like_splits:
        if (split := _flag(names[i])) in ("val", "test"):
            raise DataError(
                f"{table.file}: column {called(table.header, i)} may be a class, or mark the images of {split}, which "
                f"have no class then; call it class_{split} if it is one, else is_{split}, and give these rows a class"
            )
    return tuple(rows)


def find_splits(table: Table, taken: set[int]) -> tuple[list[str] | None, set[int], set[int]]:
    """The split of each row, the columns that say so, and those that could but do not.

    Args:
        table: The table.
        taken: Positions of columns of which it is known that they are something else.

    Raises:
        DataError: A column speaks of splits and nothing tells which rows are train, val and test.
    """
    names = [plain(name) for name in table.header]
    unnamed = not any(names)
    named: dict[int, list[str]] = {}
    flags: dict[int, tuple[str, list[bool]]] = {}
    unused, unclear = set(), []
    for i, name in enumerate(names):
        if i in taken:
            continue
        cells = table.column(i)
        values = set(cells)
        speaks = _speaks_of_splits(table.header[i])
        by_name = speaks or (name in SPLIT and name not in _MAY_BE_ELSE)
        may = name not in LABEL and (unnamed or not is_index(table.header[i])) and len(values) < 5
        found = split_names(values) if by_name or may else None
        if found and not by_name and not _are_splits(values, found, unnamed):
            found = None
        if (flag := _flag(name)) and (truths := _truths(cells)) is not None:
            flags[i] = (flag, truths)
        elif name == "split" or (found is not None and not found.lacks_train):
            named[i] = _named_splits(table, i, cells)
        elif (
            speaks or (name in SPLIT and all(map(NUMBER.fullmatch, values))) or (found and all(map(split_name, values)))
        ):
            unclear.append(i)
        elif name in SPLIT:
            unused.add(i)
    splits = next(iter(named.values()), None)
    if splits is None:
        splits = _from_flags(table, flags) if flags else None
    elif any(others != splits for others in named.values()) or not _agree(splits, flags):
        columns = some([called(table.header, i) for i in sorted({*named, *flags})])
        raise DataError(f"{table.file}: columns {columns} give different splits; keep one of them")
    for i in unclear:
        values = set(table.column(i))
        if not named and not (flags and all(map(NUMBER.fullmatch, values))):
            shown = short(some([value or "blank" for value in sorted(values)]), 200)
            hint = "" if any(name in LABEL for name in names) else ", call it label if it holds those"
            raise DataError(
                f"{table.file}: column {called(table.header, i)} speaks of splits, but its values ({shown}) do not "
                f"tell which are train, val and test; write these in a column split instead{hint}, or remove the column"
            )
    return splits, {*named, *flags}, {*unused, *unclear}


def _flag(name: str, prefixed: bool = False) -> str | None:
    """The split of which a column's name says that its cells are yes or no: `is_valid`, `test`; None: of none.

    Args:
        name: The name, plain.
        prefixed: Whether it must say `is` or `in`.
    """
    found = _FLAG.fullmatch(name)
    return next(filter(None, found.groups()[1:])) if found and (found[1] or not prefixed) else None


def _speaks_of_splits(name: str) -> bool:
    """Whether a column of that name tells splits, whatever is in it: `cv_fold`, `Set`, `is_test_image`."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    of_splits = _OF_SPLITS.search(plain(name)) or _flag(plain(name)) or {"set", "sets"} & set(words)
    return bool(of_splits) and plain(name) not in _MAY_BE_ELSE | LABEL


def _are_splits(values: set[str], found: SplitNames, unnamed: bool) -> bool:
    """Whether values are splits, where the column's name does not say so: `car`, `bus`, `train` are none.

    Args:
        values: Of the column.
        found: What they are as splits.
        unnamed: Whether the table has no names of columns.
    """
    if values <= found.splits.keys():
        return True
    return not unnamed and (len(set(found.splits.values())) > 1 or all(map(split_name, values)))


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


def _agree(splits: list[str], flags: dict[int, tuple[str, list[bool]]]) -> bool:
    """Whether columns such as `is_test` say of each row what another column does: test, or another split."""
    return all([split == of for split in splits] == truths for of, truths in flags.values())


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
                f"{some([called(table.header, i) for i in flags])}; a row is in one split"
            )
        splits.append(chosen.pop() if chosen else "train")
    if "valid" in "".join(plain(table.header[i]) for i in flags) and splits.count("val") > splits.count("train"):
        column = next(called(table.header, i) for i in flags if "valid" in plain(table.header[i]))
        raise DataError(
            f"{table.file}: column {column} puts {splits.count('val')} of {len(splits)} rows into val, more than there "
            "are to train on; if it says which are usable, remove it and the rows that are not, else write the splits "
            "in a column split"
        )
    return splits
