"""Entry: `python -m tlbench.export run=FOLDER [output=FILE]`; see `tlbench.cli.export`."""

from tlbench.cli.export import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
