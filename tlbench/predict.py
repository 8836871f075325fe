"""Entry: `python -m tlbench.predict run=FOLDER input=IMAGES [output=FILE] [key=value …]`; see `tlbench.cli.predict`."""

from tlbench.cli.predict import entry, main

__all__ = ["entry", "main"]

if __name__ == "__main__":
    entry()
