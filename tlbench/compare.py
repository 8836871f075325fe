"""Entry: `python -m tlbench.compare FIRST SECOND [key=value …]`; see `tlbench.cli.compare`."""

from tlbench.cli.compare import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
