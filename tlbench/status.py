"""Entry: `python -m tlbench.status study=FOLDER [--watch]`; see `tlbench.cli.status`."""

from tlbench.cli.status import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
