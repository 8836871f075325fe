"""Results of a suite that was stopped, so that the same command goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tlbench.errors import OutputError
from tlbench.system.atomic import write_atomic
from tlbench.system.regular_file import read_regular

_LARGEST = 1 << 24

Scores = dict[str, float | None]


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    identity: dict[str, Any]
    scores: dict[str, Scores]


class PartialScores:
    """Scores of single evaluations, kept in a file that is written whole after each.

    Args:
        path: The file; None keeps nothing.
        identity: What the scores depend on (weights, data, seed, …), JSON values. A file of another identity, or one
            that cannot be read, is begun anew.

    Attributes:
        unusable: Whether there was such a file.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, Any]) -> None:
        self._path = path
        self._identity = json.loads(json.dumps(dict(identity)))
        self.unusable = False
        self._scores = self._read()

    @property
    def count(self) -> int:
        """How many evaluations there are."""
        return len(self._scores)

    def get(self, key: str) -> Scores | None:
        """The scores of an evaluation, if it was made."""
        return self._scores.get(key)

    def put(self, key: str, scores: Scores) -> None:
        """Keep the scores of an evaluation.

        Raises:
            OutputError: The disk fails; where the file's folder is merely read-only, nothing is kept.
        """
        self._scores[key] = scores
        if self._path is not None:
            content = {"identity": self._identity, "scores": self._scores}
            try:
                write_atomic(self._path, json.dumps(content, indent=1, allow_nan=False).encode() + b"\n")
            except OutputError as error:
                if not error.unwritable:
                    raise
                self._path = None

    def discard(self) -> None:
        """Remove the file, once its content stands elsewhere."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Scores]:
        if self._path is None:
            return {}
        try:
            content = _Content.model_validate_json(read_regular(self._path, _LARGEST))
            if content.identity == self._identity:
                return content.scores
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            pass
        self.unusable = True
        return {}
