from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlbench.annotations.maps.class_maps import ClassMaps
from tlbench.data.formats.masks.reading import read_masks
from tlbench.data.listing import Listed
from tlbench.errors import DataError


@pytest.fixture
def read(tmp_path: Path, monkeypatch, maps_config, voice) -> Callable[..., Listed[ClassMaps]]:
    """Reads `d`, a folder in the working folder."""
    monkeypatch.chdir(tmp_path)

    def reading(**changes: Any) -> Listed[ClassMaps]:
        return read_masks(Path("d"), maps_config("masks", root="d", **changes), voice)

    return reading


@pytest.fixture
def refusal(read) -> Callable[..., str]:
    """Why it is not read."""

    def reason(**changes: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(**changes)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 900
        return str(caught.value)

    return reason


def unpacked(listed: Listed[ClassMaps], part: str = "train") -> list[list[list[int]]]:
    """The maps of a part."""
    maps = listed.parts[part].annotations
    return [maps.unpacked(i).tolist() for i in range(len(maps))]


@pytest.fixture(name="unpacked")
def _unpacked():
    return unpacked
