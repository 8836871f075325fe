"""How a run ended."""

from __future__ import annotations

from typing import Literal

Status = Literal["complete", "failed", "interrupted"]
"""As in the run record."""
