"""Entry: `python -m tlbench.train [-m] [+experiment=NAME] [key=value …]`; see `tlbench.cli.train`."""

from tlbench.cli.train import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
