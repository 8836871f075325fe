"""Yes and no as people and programs write them in cells and entries."""

from __future__ import annotations

from collections.abc import Mapping

TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "t", "y"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "f", "n"), False),
}
"""Word, in no capitals and without blanks around it → what it says."""
