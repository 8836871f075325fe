"""Compare what two commits do: `python -m benchmarks.goldens BEFORE [AFTER] [--only NAME,…] [--folder FOLDER]`.

Each commit's tree is unpacked and runs each case of `cases.py` on one thread of the CPU, with the packages of this
environment: training (batches as the network gets them, weights after the first steps, record, curves, predictions on
the test, best checkpoint), then `predict`, `evaluate` and `export`. What is equal bit for bit is said, and what is not,
with the first key that differs. Both must run on one machine: another rounds otherwise. Exit code 1: something differs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.goldens.cases import CASES, DRAWN, Case, draw
from benchmarks.goldens.watched import digest

_WATCHED = Path(__file__).with_name("watched.py")
_OF_ITS_OWN = ("volatile", "code", "versions", "files")
"""Parts of a record that say which code ran, when, and on what."""

_OF_A_FILE = "checkpoint_sha256"
"""Of the bytes of a checkpoint, in which Lightning names the class of the data; its tensors are compared."""

_TAIL = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and compare; 1 if something differs."""
    given = _parse(arguments)
    wanted = {*given.only, *(case.after for case in CASES if case.name in given.only)}
    cases = [case for case in CASES if not given.only or case.name in wanted]
    with tempfile.TemporaryDirectory(prefix="goldens-") as temporary:
        folder = Path(given.folder or temporary)
        for name, commit in (("before", given.before), ("after", given.after)):
            _unpack(commit, folder / name / "tree")
            draw(folder / name / "runs" / DRAWN)
        different = [case.name for case in cases if not _compare(case, folder)]
    print(f"{len(cases) - len(different)} of {len(cases)} cases are equal bit for bit")
    return 1 if different else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.goldens", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", default="HEAD", help="another (HEAD)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="names of cases")
    parser.add_argument("--folder", help="keeps trees and runs there")
    given = parser.parse_args(arguments)
    names = [case.name for case in CASES]
    unknown = [name for name in given.only if name not in names]
    if unknown:
        parser.error(f"--only {unknown[0]}: no such case; there are {', '.join(names)}")
    if given.folder and Path(given.folder).exists():
        parser.error(f"--folder {given.folder}: is there already; name another, or remove it")
    return given


def _unpack(commit: str, folder: Path) -> None:
    content = subprocess.run(["git", "archive", commit], check=True, capture_output=True).stdout
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")


def _compare(case: Case, folder: Path) -> bool:
    found = [_result(case, folder / name) for name in ("before", "after")]
    told = [f"{part}: {difference}" for part, difference in _differences(*found)]
    print(f"{case.name}: {'; '.join(told) or 'equal'} ({', '.join(found[0])})", flush=True)
    return not told


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in {**before, **after}:
        if before.get(part) != after.get(part):
            yield part, _first(before.get(part), after.get(part))


def _first(before: Any, after: Any, at: str = "") -> str:
    """The first place in which two structures differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        key = next(key for key in {**before, **after} if before.get(key) != after.get(key))
        return _first(before.get(key), after.get(key), f"{at}.{key}" if at else str(key))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        number = next(i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1])
        return _first(before[number], after[number], f"{at}[{number}]")
    return f"{at} was {str(before)[:60]}, is {str(after)[:60]}"


def _result(case: Case, folder: Path) -> dict[str, Any]:
    """Run a case with the tree of a commit; part → what it gave."""
    runs, run = folder / "runs", folder / "runs" / case.name
    seen = runs / f"{case.name}.json"
    _python(folder, [str(_WATCHED), str(seen), "tlbench.train", *case.overrides, f"hydra.run.dir={case.name}"])
    found: dict[str, Any] = json.loads(seen.read_text())
    record = json.loads((run / "record.json").read_text().replace(str(runs.resolve()), "."))
    found["record"] = {key: value for key, value in record.items() if key not in _OF_ITS_OWN}
    if case.after is not None:  # whose checkpoint is the source
        found["record"]["weights"] = {
            key: value for key, value in record["weights"].items() if key not in ("sha256", "chain")
        }
    found["curves.csv"] = (run / "curves.csv").read_text()
    with np.load(run / "predictions_test.npz") as file:
        found["predictions"] = {key: digest(value) for key, value in file.items()}
    found["best.ckpt"] = digest(torch.load(run / "best.ckpt", map_location="cpu", weights_only=True)["state_dict"])
    if case.inputs is not None:
        output = runs / f"{case.name}.jsonl"
        _python(folder, ["-m", "tlbench.predict", f"run={case.name}", f"input={case.inputs}", f"output={output.name}"])
        found["predict"] = [json.loads(line) for line in output.read_text().splitlines()]
    if case.exported:
        _python(folder, ["-m", "tlbench.evaluate", f"run={case.name}"])
        _python(folder, ["-m", "tlbench.export", f"run={case.name}"])
        found["onnx"] = _onnx(run / "model.onnx")
        evaluated = json.loads((run / "record.json").read_text())["evaluations"]
        found["evaluate"] = {key: _without(value, _OF_A_FILE) for key, value in evaluated.items()}
    return found


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _onnx(file: Path) -> dict[str, Any]:
    """The metadata, and digests of graph and weights; the producer's version and the commit are left out."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(file)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    metadata["run"] = _without(json.loads(metadata["run"]), _OF_A_FILE)
    nodes = [node.SerializeToString(deterministic=True) for node in model.graph.node]
    weights = {tensor.name: digest(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    return {"metadata": metadata, "nodes": digest(nodes), "weights": weights}


def _python(folder: Path, arguments: Sequence[str]) -> None:
    """Run Python with a commit's tree, in the folder of its runs.

    Raises:
        SystemExit: It failed; the message has the end of what it said.
    """
    tree = (folder / "tree").resolve()
    own = {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "TLBENCH_CACHE": str((folder / "cache").resolve())}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder / "runs",
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit("\n".join([f"{tree.parent.name}: {' '.join(arguments)}", *done.stdout.splitlines()[-_TAIL:]]))


if __name__ == "__main__":
    sys.exit(main())
