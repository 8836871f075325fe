"""Runs for the contract suite, and the order in which its tests come: row by row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.contract.made import Made, Workshop
from tests.contract.rows import Row


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("contract")
    yield Workshop(folder)
    shutil.rmtree(folder)  # some hundred megabytes of checkpoints


@pytest.fixture
def made(workshop: Workshop, row: Row) -> Made:
    """The run of a row; do not write into its folder."""
    return workshop.made(row)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a row follow one another, whatever shuffled them, so that its run is made once."""
    places = [n for n, item in enumerate(items) if "row" in getattr(item, "fixturenames", ())]
    rows: dict[str, list[pytest.Item]] = {}
    for n in places:
        rows.setdefault(str(items[n].callspec.params["row"]), []).append(items[n])  # type: ignore[attr-defined]
    for n, item in zip(places, [item for tests in rows.values() for item in tests], strict=True):
        items[n] = item
