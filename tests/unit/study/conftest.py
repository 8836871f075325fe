"""Run records, made by the fixtures `record` and `failed`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.study_records import make_failed, make_record
from tlbench.records.record import Record


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record


@pytest.fixture
def failed() -> Callable[..., Record]:
    return make_failed
