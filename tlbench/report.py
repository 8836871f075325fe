"""Entry: `python -m tlbench.report study=FOLDER`; see `tlbench.cli.report`."""

from tlbench.cli.report import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
