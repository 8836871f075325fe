"""By what an attack is survived: a refusal in one line, the right result all the same, an honest failure, a quiet end.

Each gives what speaks against it, and none is content with whatever happens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.attacks.attack import Oracle, Result
from benchmarks.attacks.files import lost

_TRAINED = re.compile(r"epoch \d+/\d+")


def refused(*words: str, untrained: bool = True, before: int = 0) -> Oracle:
    """Exit code 2, one line on stderr, nothing lost.

    Args:
        words: What the line contains, each of them; `a|b`: one of these.
        untrained: Whether it must be told before anything is trained.
        before: How many lines may come before, such as name a file that cannot be read.
    """

    def judge(result: Result) -> list[str]:
        wrong = _exit_code(result, 2) + _one_line(result, words, before) + lost(result.before)
        if untrained and _TRAINED.search(result.outcome.out):
            wrong.append("trained before it refused")
        return wrong

    return judge


def failed(*words: str, status: str | None = "failed", run: str = "run") -> Oracle:
    """Exit code 1, one line on stderr that names the thing, nothing lost, and the record says so.

    Args:
        words: As of `refused`.
        status: Of the record; None: the run's record is not the command's to write.
        run: The run's folder.
    """

    def judge(result: Result) -> list[str]:
        wrong = _exit_code(result, 1) + _one_line(result, words) + lost(result.before)
        if status is not None:
            found = status_of(result.place.folder / run)
            wrong += [] if found == status else [f"the record says {found}, wanted {status}"]
        return wrong

    return judge


def right(reference: str, run: str = "run", *, code: int = 0) -> Oracle:
    """Exit code 0, and the run is bit for bit the reference's, but for the record's `volatile`.

    Args:
        reference: The reference's name.
        run: The run's folder, here and there.
        code: The exit code.
    """

    def judge(result: Result) -> list[str]:
        wrong = _exit_code(result, code)
        return wrong or differences(result.place.folder / run, result.place.reference(reference) / "run")

    return judge


def same_file(name: str, reference: str, other: str) -> Oracle:
    """Exit code 0, and a file is byte for byte a reference's; of safetensors all but the order of metadata."""

    def judge(result: Result) -> list[str]:
        found, wanted = result.place.folder / name, result.place.reference(reference) / other
        if _exit_code(result, 0):
            return _exit_code(result, 0)
        if not found.is_file():
            return [f"{name} was not written"]
        return [] if _content(found) == _content(wanted) else [f"{name} differs from the reference's"]

    return judge


def _content(path: Path) -> object:
    if path.suffix != ".safetensors":
        return path.read_bytes()
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return file.metadata(), {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}


def complete(run: str = "run", *said: str) -> Oracle:
    """Exit code 0, and the record there is that of a complete run; the output contains what is wanted."""

    def judge(result: Result) -> list[str]:
        wrong = _exit_code(result, 0)
        found = status_of(result.place.folder / run)
        wrong += [] if found == "complete" else [f"the record says {found}, wanted complete"]
        printed = result.outcome.out + result.outcome.err
        return wrong + [f"{word!r} was not said" for word in said if word not in printed]

    return judge


def quiet(*codes: int) -> Oracle:
    """One of these exit codes, nothing lost; at most one line on stderr."""

    def judge(result: Result) -> list[str]:
        wrong = [] if result.outcome.code in codes else [f"exit code {result.outcome.code}, wanted one of {codes}"]
        lines = _lines(result)
        return wrong + ([f"{len(lines)} lines on stderr"] if len(lines) > 1 else []) + lost(result.before)

    return judge


def ends(*codes: int) -> Oracle:
    """One of these exit codes; for what is judged by what it does to other files."""
    return lambda result: [] if result.outcome.code in codes else [f"exit code {result.outcome.code}, not in {codes}"]


def either(*oracles: Oracle) -> Oracle:
    """Content when one of them is; else what speaks against each."""

    def judge(result: Result) -> list[str]:
        found = [oracle(result) for oracle in oracles]
        return [] if [] in found else [f"neither: {'; '.join(wrong)}" for wrong in found]

    return judge


def both(*oracles: Oracle) -> Oracle:
    """Content when all are."""
    return lambda result: [text for oracle in oracles for text in oracle(result)]


def untouched(*names: str) -> Oracle:
    """These files are byte for byte what they were."""

    def judge(result: Result) -> list[str]:
        folder = result.place.folder
        from benchmarks.attacks.files import snapshot

        now = snapshot(folder).entries
        return [f"{name} was changed" for name in names if now.get(name) != result.before.entries.get(name)]

    return judge


def differences(folder: Path, whole: Path) -> list[str]:
    """In what two runs differ, but for `rerun` in the configuration; a run that cannot be read does."""
    from benchmarks.equal_runs import result

    try:
        found, wanted = result(folder), result(whole)
    except Exception as error:  # whatever was left there is the attacked command's doing
        return [f"cannot be compared with the reference: {type(error).__name__}: {error}"[:200]]
    for content in (found, wanted):
        content["record"]["config"].pop("rerun", None)
    return [f"{name} differs from the reference's" for name in wanted if found.get(name) != wanted[name]]


def status_of(folder: Path) -> str | None:
    """What the record there says of its run."""
    try:
        status: str | None = json.loads((folder / "record.json").read_bytes())["status"]
        return status
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _exit_code(result: Result, wanted: int) -> list[str]:
    return [] if result.outcome.code == wanted else [f"exit code {result.outcome.code}, wanted {wanted}"]


def _lines(result: Result) -> list[str]:
    return [line for line in result.outcome.err.splitlines() if line.strip()]


def _one_line(result: Result, words: Sequence[str], before: int = 0) -> list[str]:
    lines = _lines(result)
    if not 1 <= len(lines) <= 1 + before:
        return [f"{len(lines)} lines on stderr, wanted one"]
    return [f"the line does not say {word!r}" for word in words if not any(w in lines[-1] for w in word.split("|"))]
