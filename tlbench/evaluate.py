"""Entry: `python -m tlbench.evaluate run=FOLDER [data=…] [key=value …]`; see `tlbench.cli.evaluate`."""

from tlbench.cli.evaluate import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
