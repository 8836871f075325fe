"""Kinds of arguments of the benchmarks' commands."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number, at least 1."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value}: at least 1")
    return value
