from __future__ import annotations

from pathlib import Path

import pytest

from tlbench.data.unreadable import check_unreadable
from tlbench.errors import DataError


def test_more_unreadable_files_than_allowed():
    unreadable = {f"{i}.png": "broken" for i in range(7)}
    check_unreadable(Path("d"), unreadable, 7)
    with pytest.raises(DataError) as caught:
        check_unreadable(Path("d"), unreadable, 6)
    assert str(caught.value) == (
        "d/0.png: broken; d/1.png: broken; d/2.png: broken; d/3.png: broken; d/4.png: broken; and 2 more; replace or "
        "remove 7 files, or leave out up to so many with data.max_unreadable (now 6)"
    )
